/** What the fuzzer begins with: records of every kind that the contract names, and other messages of the feed. */
import { existsSync, readFileSync } from 'node:fs'
import { RECORDS } from '../kernel/decode-records.ts'
import { treeOf } from './json-tree.ts'
import type { Members } from './json-tree.ts'

/** A good record as a tree, its symbol, and the topic (0 trades, 1 quotes, 2 bars) that it belongs on. */
export interface Seed {
  tree: Members
  symbol: string
  topic: number
}

const TOPIC_OF: Readonly<Record<string, number>> = { t: 0, c: 0, x: 0, q: 1, b: 2, u: 2, d: 2 }
const OUTER = { ingest_ts: '2025-12-03T18:32:10.123Z', event_ts: '2025-12-03T18:32:10.045Z', feed: 'sip', seq: 7, is_final: true }

/** Messages that are no market data of ours: filtered wherever they come. */
const OTHERS: readonly object[] = [
  { T: 's', S: 'NVDA', sc: 'H', sm: 'Trading Halt', rc: 'T12', rm: 'News pending', t: '2025-12-03T18:32:10Z', z: 'C' },
  { T: 'l', S: 'NVDA', u: 128.1, d: 116.2, i: 'B', t: '2025-12-03T18:32:10Z', z: 'C' },
  { T: 'i', S: 'NVDA', p: 126.55, at: 'O', t: '2025-12-03T18:32:10Z', z: 'C' },
  { T: 'd', S: 'NVDA', o: 1, h: 2, l: 1, c: 2, v: 9, t: '2025-12-03T05:00:00Z' },
  { T: 'success', msg: 'connected' }, { T: 'error', code: 402, msg: 'auth failed' },
  { T: 'subscription', trades: ['NVDA'], quotes: [], bars: ['*'] },
]
/** Crypto: fractions, ids past 2^53, a pair as the symbol, takers. */
const CRYPTO: readonly object[] = [
  { T: 't', S: 'BTC/USD', p: 60_123.123456789, s: 0.000000012, t: '2025-12-03T18:32:10.000000001Z', i: '3447222699101865076', tks: 'S' },
  { T: 'q', S: 'BTC/USD', bp: 60_123.1, bs: 1.93, ap: 60_124.2, as: 0, t: '2025-12-03T18:32:10Z' },
  { T: 'b', S: 'BTC/USD', o: 1.5, h: 1.75, l: 1.25, c: 1.5, v: 0.00003, n: 4, vw: 1.512345, t: '2025-12-03T18:32:00Z' },
]

const enveloped = (payload: object): Seed => {
  const { T = '', S = 'NVDA' } = payload as { T?: string; S?: string }
  return { tree: treeOf(JSON.stringify({ ...OUTER, symbol: S, payload })) as Members, symbol: S, topic: TOPIC_OF[T] ?? 0 }
}

const plain = RECORDS.map((record): Seed => {
  const { symbol, payload } = record as { symbol: string; payload: { T: string } }
  return { tree: treeOf(JSON.stringify(record)) as Members, symbol, topic: TOPIC_OF[payload.T] }
})
const crypto = CRYPTO.map(enveloped)

/** The project's own; those that are used more often than those that are filtered. */
export const OWN: readonly Seed[] = [...plain, ...plain, ...plain, ...crypto, ...crypto, ...OTHERS.map(enveloped)]

const SAMPLES = new URL('../../../shared/data/alpaca-samples.jsonl', import.meta.url)

/** Messages as Alpaca's documentation and SDKs show them; null when they are not there. Ids past 2^53 come through as text. */
export function alpacaSamples(file = SAMPLES): readonly Seed[] | null {
  if (!existsSync(file)) return null
  return readFileSync(file, 'utf8').trim().split('\n').map((line) => {
    const { msg } = JSON.parse(line) as { msg: { T?: string; S?: string } }
    const from = line.indexOf('"msg": ') + '"msg": '.length
    // the message's own text where it can be cut out, else written anew
    const to = line.lastIndexOf('}}') + 1
    const cut = line.slice(from, to)
    const same = ((): boolean => {
      try {
        return JSON.stringify(JSON.parse(cut)) === JSON.stringify(msg)
      } catch {
        return false
      }
    })()
    const symbol = msg.S ?? 'NVDA'
    const outer = JSON.stringify({ ...OUTER, symbol }).slice(0, -1)
    return { tree: treeOf(`${outer},"payload":${same ? cut : JSON.stringify(msg)}}`) as Members, symbol, topic: TOPIC_OF[msg.T ?? ''] ?? 0 }
  })
}
