import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { murmur2Partition } from '../contract/partition.ts'
import type { Appender } from '../ports/appender.ts'
import type { Clock } from '../ports/clock.ts'
import type { OutputColumns } from '../ports/log.ts'
import { feedRecords } from './feed.ts'
import type { FeedOptions } from './feed.ts'
import { stampPaths } from './route.ts'
import { FeedSource } from './source.ts'

interface Sent {
  topic: string
  partition: number
  key: string | null
  value: string
  atMs: number
}

/** An appender that keeps what it gets, unpacked, and a clock that only sleeping moves. */
class Rig implements Appender, Clock {
  sent: Sent[] = []
  timeMs: number
  constructor(timeMs: number) {
    this.timeMs = timeMs
  }
  append(outputs: OutputColumns[]): Promise<void> {
    for (const output of outputs) {
      for (let i = 0; i < output.count; i++) {
        const bytes = (all: Uint8Array, ends: Int32Array) =>
          Buffer.from(all.subarray(i === 0 ? 0 : ends[i - 1], ends[i])).toString()
        const key = output.flags?.[i] === 1 ? null : bytes(output.keys, output.keyEnds)
        this.sent.push({
          topic: output.topic,
          partition: output.partition,
          key,
          value: bytes(output.values, output.valueEnds),
          atMs: this.timeMs,
        })
      }
    }
    return Promise.resolve()
  }
  close = () => Promise.resolve()
  nowMs = () => this.timeMs
  monotonicMs = () => this.timeMs
  sleep(ms: number): Promise<void> {
    this.timeMs += ms
    return Promise.resolve()
  }
}

const T0 = Date.parse('2025-12-03T18:32:10Z')
const stamp = (afterMs: number) => new Date(T0 + afterMs).toISOString()
const envelope = (type: string, symbol: string, afterMs: number) =>
  JSON.stringify({ event_ts: stamp(afterMs), symbol, payload: { T: type, S: symbol, t: stamp(afterMs) } })

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ta-feed-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, lines: string[]): string {
  const path = join(folder, name)
  const text = lines.join('\n')
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text)
  return path
}

const OPTIONS: FeedOptions = {
  topics: { trades: { name: 'T', partitions: 4 }, quotes: { name: 'Q', partitions: 4 }, bars: { name: 'B', partitions: 4 } },
  speed: Infinity,
  shiftToNow: false,
  stampPaths: stampPaths({}),
}

async function run(
  paths: string[],
  options: Partial<FeedOptions> = {},
  rawBad = false,
  stdin?: Readable,
  rig = new Rig(T0 + 1e9),
) {
  const source = await FeedSource.open(paths, { fieldMap: {}, rawBad, ...(stdin === undefined ? {} : { stdin }) })
  const summary = await feedRecords(source, rig, rig, { ...OPTIONS, ...options })
  return { summary, sent: rig.sent }
}

describe('feedRecords', () => {
  it('sends each type to its topic, byte for byte, under its symbol, where the partitioner says', async () => {
    const lines = ['t', 'c', 'x', 'q', 'b', 'u', 's'].map((type, i) => ` ${envelope(type, `S${i}`, i)}\t`)
    lines.push('{"channel":"quotes","payload":{"S":"NVDA"}}', '{"channel":"updatedBars","symbol":"A","payload":{}}')
    const { summary, sent } = await run([file('types.jsonl', [...lines, '', '  '])])
    const byValue = new Map(sent.map((record) => [record.value, record]))
    expect(lines.map((line) => byValue.get(line)?.topic)).toEqual(['T', 'T', 'T', 'Q', 'B', 'B', 'T', 'Q', 'B'])
    expect(lines.map((line) => byValue.get(line)?.key)).toEqual(['S0', 'S1', 'S2', 'S3', 'S4', 'S5', 'S6', 'NVDA', 'A'])
    for (const record of sent) expect(record.partition).toBe(murmur2Partition(record.key!, 4))
    expect(summary).toEqual({ records: { T: 4, Q: 2, B: 3 }, rawBad: 0, skipped: 0, shiftSeconds: 0 })
  })

  it('keeps the order of each partition over many batches, and reads gzip and standard input alike', async () => {
    const lines = Array.from({ length: 12_000 }, (_, i) => envelope('t', `S${i % 7}`, i % 50))
    const plain = await run([file('many.jsonl', lines)])
    const gzip = await run([file('many.jsonl.gz', lines)])
    const piped = await run(
      ['-'],
      {},
      false,
      Readable.from([Buffer.from(lines.join('\n').slice(0, 777)), Buffer.from(lines.join('\n').slice(777))]),
    )
    for (let i = 0; i < 7; i++) {
      const expected = lines.filter((_, at) => at % 7 === i)
      expect(plain.sent.filter(({ key }) => key === `S${i}`).map(({ value }) => value)).toEqual(expected)
    }
    expect(gzip.sent).toEqual(plain.sent)
    expect(piped.sent).toEqual(plain.sent)
  })

  it('reads a trades and a quotes file in step by event time, and files of one topic one after another', async () => {
    const trades = [0, 20, 10, 40].map((ms) => envelope('t', 'A', ms))
    const later = [5].map((ms) => envelope('t', 'A', ms))
    const quotes = [1, 15, 50].map((ms) => envelope('q', 'A', ms))
    const files = [file('1t.jsonl', trades), file('2q.jsonl', quotes), file('3t.jsonl', later)]
    const rig = new Rig(T0)
    const { sent } = await run(files, { speed: 1 }, false, undefined, rig)
    expect(sent.map(({ value }) => value)).toEqual([
      trades[0],
      quotes[0],
      quotes[1],
      trades[1],
      trades[2],
      trades[3],
      later[0],
      quotes[2],
    ])
  })

  it('sends each record when it is due', async () => {
    const lines = [0, 1500, 1000, 4000].map((ms) => envelope('t', 'A', ms))
    const { sent } = await run([file('paced.jsonl', lines)], { speed: 10 })
    expect(sent.map(({ atMs }) => atMs - sent[0].atMs)).toEqual([0, 150, 150, 400])
  })

  it('shifts by whole seconds so that the first event is now, and minute bars by whole minutes', async () => {
    const lines = [
      envelope('t', 'A', 250),
      '{"symbol":"A","payload":{"T":"b","t":"2025-12-03T18:31:00Z"}}',
      envelope('t', 'A', 1250),
    ]
    const rig = new Rig(T0 + 3_600_900)
    const { sent, summary } = await run([file('shift.jsonl', lines)], { speed: 1, shiftToNow: true }, false, undefined, rig)
    expect(summary.shiftSeconds).toBe(3600)
    expect(sent.map(({ value }) => (JSON.parse(value) as { payload: { t: string } }).payload.t)).toEqual([
      stamp(3_600_250),
      '2025-12-03T19:31:00Z',
      stamp(3_601_250),
    ])
    // Each goes out at its own stamp.
    expect(sent.map(({ atMs }) => atMs - T0)).toEqual([3_600_900, 3_600_900, 3_601_250])
  })

  it('stops at a line that is no envelope, naming file and line', async () => {
    for (const [bad, what] of [
      ['[1]', 'no JSON object'],
      ['{"symbol":"A"}', 'no topic'],
      ['{"payload":{"T":"t"}}', 'names no symbol'],
    ]) {
      const path = file('bad.jsonl', [envelope('t', 'A', 0), '', bad])
      await expect(run([path])).rejects.toThrow(new RegExp(`bad\\.jsonl line 3 .*${what}`))
    }
    await expect(run([join(folder, 'nowhere.jsonl')])).rejects.toThrow(/nowhere\.jsonl can't be read: there is no such file/)
    writeFileSync(join(folder, 'cut.jsonl.gz'), gzipSync(`${envelope('t', 'A', 0)}\n`.repeat(9999)).subarray(0, 400))
    await expect(run([join(folder, 'cut.jsonl.gz')])).rejects.toThrow(/cut\.jsonl\.gz can't be read/)
  })

  it('sends such lines without a key when told to', async () => {
    const { sent, summary } = await run([file('raw.jsonl', ['no json', envelope('t', 'A', 0)])], { shiftToNow: true }, true)
    expect(sent[0]).toMatchObject({ topic: 'T', partition: 0, key: null, value: 'no json' })
    expect(summary.rawBad).toBe(1)
  })

  it('counts what a topic that is off would get', async () => {
    const { summary } = await run([file('off.jsonl', [envelope('q', 'A', 0)])], {
      topics: { ...OPTIONS.topics, quotes: undefined },
    })
    expect(summary).toMatchObject({ records: {}, skipped: 1 })
  })

  it('ends when told, in the middle of a wait', async () => {
    const stop = new AbortController()
    const rig = new Rig(T0)
    rig.sleep = () => (stop.abort(), new Promise(() => {}))
    const path = file(
      'stop.jsonl',
      [0, 90_000].map((ms) => envelope('t', 'A', ms)),
    )
    const waits: number[] = []
    const { summary } = await run(
      [path],
      { speed: 1, signal: stop.signal, onLongWait: (ms) => waits.push(ms) },
      false,
      undefined,
      rig,
    )
    expect(summary.records).toEqual({ T: 1 })
    expect(waits).toEqual([90_000])
  })

  it('says what the appender says', async () => {
    const rig = new Rig(T0)
    rig.append = () => Promise.reject(new Error('gone'))
    await expect(run([file('gone.jsonl', [envelope('t', 'A', 0)])], {}, false, undefined, rig)).rejects.toThrow('gone')
  })
})
