import { describe, expect, it } from 'vitest'
import { CONFIG_BYTES } from '../state/layout.ts'
import { buildFieldTrie, FIELD_MAP_NAMES, FIELD_TRIE_MAGIC, fieldMapProblems, FIELDS } from './field-trie.ts'

/** Reads an image as its format says: every path with its slot. */
function paths(image: Uint8Array): Map<string, number> {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength)
  const found = new Map<string, number>()
  const read = (node: number, prefix: string): void => {
    for (let n = 0; n < 2 ** (64 - Number(view.getBigUint64(node + 8, true))); n++) {
      const entry = node + 16 + n * 32
      const length = view.getUint32(entry + 8, true)
      if (length === 0xffff_ffff) continue
      const key = view.getUint32(entry + 20, true)
      const path = prefix + new TextDecoder().decode(image.subarray(key, key + length))
      if (view.getInt32(entry + 12, true) >= 0) found.set(path, view.getInt32(entry + 12, true))
      if (view.getUint32(entry + 16, true) !== 0) read(view.getUint32(entry + 16, true), `${path}.`)
    }
  }
  read(view.getUint32(4, true), '')
  return found
}

const slotsOf = (image: Uint8Array, field: string): number[] => {
  const at = 8 + FIELDS.findIndex(({ name }) => name === field) * 4
  return [...image.subarray(at, at + 4)].filter((slot) => slot !== 255)
}

describe('buildFieldTrie', () => {
  it('holds every default path once, and each field its slots in order', () => {
    const image = buildFieldTrie()
    const found = paths(image)
    expect(new DataView(image.buffer).getUint32(0, true)).toBe(FIELD_TRIE_MAGIC)
    expect([...found.keys()].sort()).toEqual([...new Set(FIELDS.flatMap((field) => field.paths))].sort())
    expect(new Set(found.values()).size).toBe(found.size)
    for (const field of FIELDS) expect(slotsOf(image, field.name)).toEqual(field.paths.map((path) => found.get(path)))
    expect(image.length).toBeLessThan(CONFIG_BYTES / 8)
  })

  it('gives a mapped field its path alone, and two fields of one path one slot', () => {
    const image = buildFieldTrie({ event_ts: 'payload.t', price: 'payload.a.b', size: 'payload.a.b', id: 'payload.a' })
    const found = paths(image)
    expect(slotsOf(image, 'event_ts')).toEqual([found.get('payload.t')])
    expect(slotsOf(image, 'price')).toEqual(slotsOf(image, 'size'))
    expect(slotsOf(image, 'id')).toEqual([found.get('payload.a')])
    expect(found.has('eventTs')).toBe(false)
    expect(found.has('payload.p')).toBe(false)
  })

  it('is the same bytes for the same map, and takes keys that differ in one place', () => {
    const names = FIELD_MAP_NAMES.filter((name) => name !== 'ingest_ts')
    const path = (n: number): string => `payload.the_same_long_beginning_${String(n).padStart(3, '0')}_and_end`
    const map = Object.fromEntries(names.map((name, n) => [name, path(n)]))
    expect(Buffer.from(buildFieldTrie(map)).equals(buildFieldTrie({ ...map }))).toBe(true)
    expect([...paths(buildFieldTrie(map)).keys()]).toEqual(expect.arrayContaining(Object.values(map)))
  })

  it('says what is wrong with a map', () => {
    expect(fieldMapProblems({ price: 'payload.p', ingest_ts: 'at' })).toEqual([])
    const wrong = { cost: 'a', price: '', size: 'a..b', tape: '\ud800', id: 'x'.repeat(256), seq: Array(17).fill('a').join('.') }
    expect(fieldMapProblems(wrong).length).toBe(6)
    expect(fieldMapProblems({ price: 5 } as unknown as Record<string, string>).length).toBe(1)
    expect(() => buildFieldTrie(wrong)).toThrow(RangeError)
  })
})
