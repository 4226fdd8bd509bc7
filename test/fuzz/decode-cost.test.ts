/**
 * No record holds the decoder up: what decoding costs a byte does not grow with the record, whatever it is made of. Measured in
 * CPU time of this thread, so that it doesn't matter what else the machine does: a megabyte at once against the same in
 * sixteen pieces.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { RECORD_BYTES_MAX } from '../../src/contract/outcomes.ts'
import { DecodeKernel } from '../kernel/decode-kernel.ts'
import { utf8 } from '../kernel/decode-records.ts'

const PIECES = 16
/** A megabyte may cost so much more than its sixteen pieces (caches; quadratic work would cost 16 times as much). */
const RATIO_MAX = 3
const ROUNDS = 5
const HEAD = '"symbol":"NVDA","event_ts":1764786730'

/** Records of about n bytes; the large part lies where the decoder has most to do with it. */
const FAMILIES: Record<string, (n: number) => string> = {
  'a long text': (n) => `{${HEAD},"payload":{"i":"${'x'.repeat(n)}","p":1,"s":1}}`,
  'a long text of escapes as the id': (n) => `{${HEAD},"payload":{"i":"${'\\u0041'.repeat(n / 6)}","p":1,"s":1}}`,
  'surrogate pairs in the symbol': (n) => `{"event_ts":1,"payload":{"S":"${'\\ud83d\\ude00'.repeat(n / 12)}"}}`,
  'halves of pairs in the feed': (n) => `{${HEAD},"feed":"${'\\ud83d'.repeat(n / 6)}","payload":{"i":1,"p":1,"s":1}}`,
  'letters of four bytes': (n) => `{${HEAD},"payload":{"i":1,"p":1,"s":1,"x":"${'😀'.repeat(n / 4)}"}}`,
  'a price of many digits': (n) => `{${HEAD},"payload":{"i":1,"p":0.${'3'.repeat(n)},"s":1}}`,
  'a price at a tie of two doubles': (n) => `{${HEAD},"payload":{"i":1,"p":9007199254740993.${'0'.repeat(n)}1,"s":1}}`,
  'a price of zeros': (n) => `{${HEAD},"payload":{"i":1,"p":0.${'0'.repeat(n)}1e${n},"s":1}}`,
  'an exponent of many digits': (n) => `{${HEAD},"payload":{"i":1,"p":1e-${'0'.repeat(n)}1,"s":1}}`,
  'a time of many digits': (n) => `{"symbol":"NVDA","event_ts":1764786730.${'1'.repeat(n)},"payload":{"i":1,"p":1,"s":1}}`,
  'a seq of many digits': (n) => `{${HEAD},"seq":${'9'.repeat(n)},"payload":{"i":1,"p":1,"s":1}}`,
  'many conditions': (n) => `{${HEAD},"payload":{"i":1,"p":1,"s":1,"c":[${'"I",'.repeat(n / 4)}"I"]}}`,
  'long conditions': (n) => `{${HEAD},"payload":{"i":1,"p":1,"s":1,"c":["I","${'\\u0049'.repeat(n / 6)}"]}}`,
  'conditions in a plain text': (n) => `{${HEAD},"payload":{"i":1,"p":1,"s":1,"c":"${'I'.repeat(n)}"}}`,
  'one key again and again': (n) => `{${HEAD},"payload":{"i":1,"s":1,${'"p":1,'.repeat(n / 6)}"p":1}}`,
  'one key again and again, escaped': (n) => `{${HEAD},"payload":{"i":1,"p":1,"s":1,${'"\\u0070":1,'.repeat(n / 11)}"x":"A"}}`,
  'a long key': (n) => `{${HEAD},"${'k'.repeat(n)}":1,"payload":{"i":1,"p":1,"s":1}}`,
  'a long escaped key': (n) => `{${HEAD},"${'\\u006b'.repeat(n / 6)}":1,"payload":{"i":1,"p":1,"s":1}}`,
  'payloads one after the other': (n) => `{${HEAD},${'"payload":{"i":1},'.repeat(n / 18)}"payload":{"i":1,"p":1,"s":1}}`,
  'payloads one in the other': (n) => `{${HEAD},${'"payload":{'.repeat(n / 12)}${'}'.repeat(n / 12)}}`,
  'deep lists': (n) => `{${HEAD},"a":${'['.repeat(n / 2)}${']'.repeat(n / 2)},"payload":{"i":1,"p":1,"s":1}}`,
  'brackets that never close': (n) => `{"a":${'['.repeat(n)}}`,
  'deep conditions': (n) => `{${HEAD},"payload":{"i":1,"p":1,"s":1,"c":[${'['.repeat(n / 2)}${']'.repeat(n / 2)}]}}`,
  'white space': (n) => `{${HEAD},${' \n'.repeat(n / 2)}"payload":{"i":1,"p":1,"s":1}}`,
  'white space alone': (n) => ' '.repeat(n),
  'a text that never ends': (n) => `{"a":"${'\\"'.repeat(n / 2)}}`,
}

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

/** CPU time of decoding so many records of the bytes, µs: the least of some rounds. */
function cpuUs(value: Uint8Array, times: number): number {
  kernel.fill([{ key: utf8('NVDA'), value }])
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.threadCpuUsage()
    for (let n = 0; n < times; n++) kernel.wasm.decodeBatch(0, 1, -(2n ** 63n))
    const { user, system } = process.threadCpuUsage(before)
    least = Math.min(least, user + system)
  }
  return least
}

/** Twice as often where the clock is too coarse to tell. */
function ratioOf(make: (n: number) => string): number {
  const large = utf8(make(RECORD_BYTES_MAX - 400))
  const small = utf8(make(Math.floor((RECORD_BYTES_MAX - 400) / PIECES)))
  for (let times = 4; ; times *= 2) {
    const [whole, pieces] = [cpuUs(large, times), cpuUs(small, times * PIECES)]
    if (Math.min(whole, pieces) > 4_000 || times >= 1_024) return whole / Math.max(pieces, 1)
  }
}

describe('what a byte costs does not grow with the record', () => {
  it.each(Object.keys(FAMILIES))('%s', (name) => {
    expect(utf8(FAMILIES[name](RECORD_BYTES_MAX - 400)).length).toBeLessThanOrEqual(RECORD_BYTES_MAX)
    expect(ratioOf(FAMILIES[name])).toBeLessThan(RATIO_MAX)
  })
})
