import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stampNs } from '../contract/stamp.ts'
import { stampPaths } from './route.ts'
import { shiftStamps, shiftStampText } from './shift.ts'

const PATHS = new Set(stampPaths({}))

function shift(text: string, seconds: number, paths: ReadonlySet<string> = PATHS): string {
  return shiftStamps(Buffer.from(text), seconds, paths).toString()
}

describe('shiftStamps', () => {
  it('moves event, ingest and payload time and nothing else', () => {
    const line = (day: string) =>
      `{ "ingest_ts":"2025-12-${day}.123Z","event_ts" : "2025-12-${day}.045123456Z","symbol":"é\\"t",` +
      `"payload":{"t":"2025-12-${day}.0450Z","c":["@","I"],"x":{"t":"2025-12-03T23:59:59Z"}},"t":"2025-12-03T23:59:59Z"}`
    expect(shift(line('03T23:59:59'), 86_401)).toBe(line('05T00:00:00'))
  })

  it('moves camelCase keys, escaped keys and repeats', () => {
    expect(shift('{"eventTs":"2025-01-01T00:00:00Z","ingestTs":"2025-01-01T00:00:00+01:00"}', 1)).toBe(
      '{"eventTs":"2025-01-01T00:00:01Z","ingestTs":"2025-01-01T00:00:01+01:00"}',
    )
    expect(shift('{"event\\u005fts":1764786730,"event_ts":1764786730,"event_ts":null}', 1)).toBe(
      '{"event\\u005fts":1764786731,"event_ts":1764786731,"event_ts":null}',
    )
  })

  it('moves a mapped path', () => {
    expect(
      shift('{"payload":{"meta":{"at":"2025-01-01T00:00:00Z"}}}', 5, new Set(stampPaths({ event_ts: 'payload.meta.at' }))),
    ).toBe('{"payload":{"meta":{"at":"2025-01-01T00:00:05Z"}}}')
  })

  it('leaves the bytes of a line alone that are no stamp, whatever they are', () => {
    const line = Buffer.concat([
      Buffer.from('{"symbol":"'),
      Buffer.from([0xf0, 0x9f, 0x92, 0xb6]),
      Buffer.from('","a":[[{"b":"]"}],1e5,true ]}\r'),
    ])
    expect(shiftStamps(line, 9, PATHS)).toEqual(line)
  })

  it('gives valid JSON that differs in the stamps alone', () => {
    const stamp = '2024-02-28T23:59:59.5Z'
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: -1e8, max: 1e8 }), (noise, seconds) => {
        const line = JSON.stringify({ noise, event_ts: stamp, payload: { noise, t: stamp } })
        const moved = JSON.parse(shift(line, seconds)) as {
          noise: unknown
          event_ts: string
          payload: { t: string; noise: unknown }
        }
        expect(stampNs(moved.event_ts)! - stampNs(stamp)!).toBe(BigInt(seconds) * 1_000_000_000n)
        expect(moved.payload.t).toBe(moved.event_ts)
        expect(JSON.stringify(moved.noise)).toBe(JSON.stringify(noise))
      }),
    )
  })
})

describe('shiftStampText', () => {
  it.each([
    ['1764786730', '1764786740'],
    ['1764786730123', '1764786740123'],
    ['1764786730123456', '1764786740123456'],
    ['1764786730123456789', '1764786740123456789'],
    ['1764786730.250', '1764786740.250'],
    ['1.76478673e9', '1764786740'],
    ['"soon"', '"soon"'],
    ['null', 'null'],
  ])('moves %s by ten seconds in its own unit', (before, after) => {
    expect(shiftStampText(before, 10)).toBe(after)
  })
})
