/** Runs input records through the model, in epochs, and collects what a consumer of its topics would read. */

import type { OutputEnvelope } from '../golden/expected.ts'
import type { InputRecord } from '../fixtures/envelopes.ts'
import { encode } from './encode.ts'
import type { Judgement, Model } from './model.ts'
import type { Out } from './publication.ts'

export interface Run {
  judgements: Judgement[]
  bars: OutputEnvelope[]
  signals: OutputEnvelope[]
}

export interface RunOptions {
  /** Whether an epoch ends after record `i`; default: after each 250th. */
  endsEpoch?: (i: number) => boolean
  /** Clock at record `i` in ms; default: none, so nothing is provisional. */
  clockMs?: (i: number) => number
  /** Partitions that never get a record. */
  idle?: { trades: boolean; quotes: boolean }
}

/** All records, then the end closes everything. Offsets count from 0 a topic. */
export function runModel(model: Model, records: InputRecord[], options: RunOptions = {}): Run {
  const { endsEpoch = (i: number) => i % 250 === 249, clockMs = () => null, idle = { trades: false, quotes: false } } = options
  const run: Run = { judgements: [], bars: [], signals: [] }
  const offsets = { trades: 0, quotes: 0 }
  const publish = (outs: Out[]): void => {
    for (const out of outs) run[out.topic].push(JSON.parse(encode(out, '2000-01-01T00:00:00Z')) as OutputEnvelope)
  }
  records.forEach(({ topic, key, value }, i) => {
    run.judgements.push(model.apply(topic, offsets[topic]++, key, value, clockMs(i)))
    if (endsEpoch(i)) publish(model.closeEpoch(clockMs(i), idle))
  })
  publish(model.closeAll())
  return run
}
