/**
 * A small market for one schedule: what a source appends, when, to which partition. Bad, late and repeated records are in it;
 * whether a record is late follows from its partition's content alone, so a run without any fault comes out the same.
 */
import type { Random } from '../../src/simulation/random.ts'

/** Wall-clock ms at virtual time 0. */
export const EPOCH_MS = Date.parse('2025-12-03T18:32:00.000Z')

/** A record that holds this traps the kernel, in the simulation alone. */
export const POISON = 'POISON'

export interface SourceRecord {
  /** Virtual ms at which it is appended. */
  atMs: number
  /** 0 trades, 1 quotes, 2 minute bars. */
  channel: number
  partition: number
  key: string
  value: string
  /** Before it there are so many records of an aborted transaction. */
  gap: number
}

export interface Market {
  records: SourceRecord[]
  partitions: number
  endMs: number
  /** One of the records traps the kernel each time. */
  isPoisoned: boolean
}

/** Upper bound of how much older than its arrival a record is that isn't meant to be late, ms: well within the lateness. */
const DELAY_MS = 400
const LATE_MS = 4_500

export function makeMarket(random: Random): Market {
  const partitions = random.integer(1, 3)
  const symbols = Array.from({ length: random.integer(partitions, 6) }, (_, i) => ({ name: `S${i}`, partition: i % partitions }))
  const records: SourceRecord[] = []
  // most are small, as what happens to them costs more time than they do
  const count = random.chance(0.7) ? random.integer(25, 75) : random.integer(75, 200)
  const paceMs = random.pick([20, 50, 80])
  const silences = random.pick([[], [], [count / 2], [count / 3, (2 * count) / 3]]).map(Math.floor)
  const quotesEndAt = random.chance(0.2) ? count / 2 : count
  const withBars = random.chance(0.3)
  /** Largest event time by channel and partition. */
  const maxMs = new Map<string, number>()
  let atMs = 0
  for (let i = 0; i < count; i++) {
    atMs += random.between(0, 2 * paceMs)
    if (silences.includes(i)) atMs += random.between(6_000, 9_000)
    const { name, partition } = random.pick(symbols)
    const channel = withBars && random.chance(0.04) ? 2 : i < quotesEndAt && random.chance(0.4) ? 1 : 0
    const place = `${channel}/${partition}`
    const eventMs = eventTimeMs(random, atMs, maxMs.get(place))
    const isBad = random.chance(0.02)
    if (!isBad) maxMs.set(place, Math.max(maxMs.get(place) ?? 0, eventMs))
    const value = isBad ? badValue(random, name, atMs) : valueOf(random, channel, name, eventMs, i)
    const gap = random.chance(0.03) ? random.integer(1, 4) : 0
    records.push({ atMs, channel, partition, key: name, value, gap })
    if (random.chance(0.04)) records.push({ atMs: atMs + random.between(0, 300), channel, partition, key: name, value, gap: 0 })
  }
  records.sort((a, b) => a.atMs - b.atMs)
  const isPoisoned = random.chance(0.06)
  if (isPoisoned) {
    const record = random.pick(records.filter(({ channel }) => channel < 2))
    record.value = JSON.stringify({ event_ts: new Date(EPOCH_MS).toISOString(), symbol: record.key, note: POISON })
  }
  return { records, partitions, endMs: atMs, isPoisoned }
}

/** A little older than now; now and then so old that its partition alone says it is late. */
function eventTimeMs(random: Random, atMs: number, partitionMaxMs: number | undefined): number {
  // not right after a silence: the task may have gone on without this partition then, by the clock
  const isLive = partitionMaxMs !== undefined && partitionMaxMs > LATE_MS && atMs - partitionMaxMs < 1_500
  if (isLive && random.chance(0.03)) return partitionMaxMs - LATE_MS
  return Math.max(atMs - random.between(0, random.chance(0.8) ? 40 : DELAY_MS), 0)
}

function valueOf(random: Random, channel: number, symbol: string, eventMs: number, id: number): string {
  const price = Math.round(random.between(90, 110) * 100) / 100
  const t = new Date(EPOCH_MS + eventMs).toISOString()
  const feed = random.pick(['sip', 'iex'])
  const envelope = (name: string, at: string, payload: object): string => JSON.stringify({
    ingest_ts: t, event_ts: at, feed, symbol, seq: id, is_final: true, source: 'ws', version: 1, channel: name, payload,
  })
  if (channel === 0) {
    return envelope('trades', t, { T: 't', S: symbol, i: id, x: 'D', p: price, s: random.integer(1, 500), c: ['@'], t, z: 'C' })
  }
  if (channel === 1) {
    const sizes = { bs: random.integer(1, 9), as: random.integer(1, 9) }
    return envelope('quotes', t, { T: 'q', S: symbol, bp: price - 0.01, ap: price + 0.01, ...sizes, c: ['R'], t, z: 'C' })
  }
  const minute = new Date(Math.floor((EPOCH_MS + eventMs) / 60_000) * 60_000).toISOString()
  const prices = { o: price, h: price + 1, l: price - 1, c: price, vw: price }
  return envelope('bars', minute, { T: 'b', S: symbol, ...prices, v: random.integer(1, 999), n: 3, t: minute })
}

function badValue(random: Random, symbol: string, atMs: number): string {
  const future = new Date(EPOCH_MS + atMs + 3_600_000).toISOString()
  const trade = { T: 't', S: symbol, i: 1, x: 'D', p: 100, s: 1, c: [], z: 'C' }
  return random.pick([
    '{"half', '[]', '{"symbol":"S0"}',
    JSON.stringify({ event_ts: 'soon', symbol, channel: 'trades', payload: trade }),
    JSON.stringify({ event_ts: future, symbol, channel: 'trades', payload: trade }),
  ])
}
