/**
 * What a job that computes nothing takes on the same broker: transactions of one small record a partition, as many a second as
 * the engine makes, the first of them when the second ends. A record's value is the ms at which its transaction was due.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { openLog } from '../../src/commands/open-log.ts'
import { openLogger } from '../../src/logging/logger.ts'
import type { OutputColumns } from '../../src/ports/log.ts'
import { readSettings } from '../../src/settings/settings.ts'
import { nowMs, runChild } from './child.ts'

export interface NullConfig {
  env: Record<string, string>
  topic: string
  partitions: number
  perSecond: number
}

export interface NullResult {
  transactions: number
}

function recordOf(topic: string, partition: number, dueMs: number): OutputColumns {
  const value = Buffer.from(String(dueMs))
  const key = Buffer.from('null')
  return { topic, partition, count: 1, keys: key, keyEnds: Int32Array.of(key.length), values: value, valueEnds: Int32Array.of(value.length) }
}

runChild<NullConfig, NullResult>(async ({ env, topic, partitions, perSecond }, stop, ready) => {
  const settings = readSettings(env, { command: 'run' })
  const log = await openLog(settings, openLogger({ level: 'error' }))
  const producer = log.producer(`${topic}-null`)
  await producer.init()
  ready()
  const startMs = Math.ceil(nowMs() / 1000) * 1000
  let transactions = 0
  while (!stop.aborted) {
    // whole seconds are due times, however many there are between them
    const dueMs = startMs + Math.floor(transactions / perSecond) * 1000 + ((transactions % perSecond) * 1000) / perSecond
    const restMs = dueMs - nowMs()
    // a timer's ms are whole: the last one is waited out in turns of the loop
    if (restMs > 1) await sleep(restMs - 1, undefined, { signal: stop }).catch(() => {})
    if (stop.aborted) break
    while (nowMs() < dueMs) await new Promise((resolve) => setImmediate(resolve))
    await producer.transact(Array.from({ length: partitions }, (_, partition) => recordOf(topic, partition, dueMs)))
    transactions++
  }
  await producer.close()
  await log.close()
  return { transactions }
})
