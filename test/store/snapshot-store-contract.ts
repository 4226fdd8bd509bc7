/** What every snapshot store must do; registered as tests over each of them. */
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { BugError } from '../../src/contract/errors.ts'
import { type SnapshotStore, StoreError } from '../../src/ports/snapshot-store.ts'

/** A place where nothing is yet. */
export interface StorePlace {
  /** A store at this place; each is another, as those of different processes are. */
  open(): SnapshotStore
}

const MEBIBYTE = 1_048_576
const TEST_MS = 30_000
const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const filled = (value: number, bytes: number): Uint8Array => new Uint8Array(bytes).fill(value)

/** Whether two long values are the same: `toEqual` takes seconds for megabytes. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const ODD_KEYS = [
  'with space/two  spaces', 'plus+and%2Fpercent%', 'a&b<c>"d"\'e\'', 'hash#question?semi;colon:',
  'comma,at@dollar$bang!star*(round)', '[square]{curly}|pipe^caret`tick~', 'back\\slash', '.hidden/..two/...three', 'ünïcode/日本語/😀', 'e\u0301 and \u00e9',
  'UPPER/lower', 'ends.', '-dash', '=equals=', `long/${'n'.repeat(200)}`, 'x.tmp-1/y.tmp-2',
]
const UNFIT_KEYS = ['', '/a', 'a/', 'a//b', '.', '..', 'a/../b', 'a/./b', 'a\nb', 'a\0b', '\ud800', 'n'.repeat(256),
  'ab/'.repeat(400) + 'c', '.tmp-x', 'a/.tmp-x']

/** Registers the tests. `newPlace` is called once a test. */
export function snapshotStoreContract(title: string, newPlace: () => Promise<StorePlace>): void {
  describe(`${title} as a snapshot store`, { timeout: TEST_MS }, () => {
    readingAndWriting(newPlace)
    writingOnlyNew(newPlace)
    listingAndDeleting(newPlace)
    keys(newPlace)
  })
}

function readingAndWriting(newPlace: () => Promise<StorePlace>): void {
  it('gives back what was put, to other stores at its place, too', async () => {
    const place = await newPlace()
    const bytes = randomBytes(100_000)
    await place.open().put('group/task-0/000000000007/symbol.arrow', bytes)
    expect(same(await place.open().get('group/task-0/000000000007/symbol.arrow'), bytes)).toBe(true)
  })

  it('keeps an empty value, and a view of a larger buffer as the view is', async () => {
    const store = (await newPlace()).open()
    await store.put('empty', new Uint8Array(0))
    await store.put('view', new Uint8Array([1, 2, 3, 4, 5]).subarray(1, 4))
    expect([...await store.get('empty')]).toEqual([])
    expect([...await store.get('view')]).toEqual([2, 3, 4])
  })

  it('replaces a value by a shorter one', async () => {
    const store = (await newPlace()).open()
    await store.put('a/key', text('a long value'))
    await store.put('a/key', text('short'))
    expect(Buffer.from(await store.get('a/key')).toString()).toBe('short')
    expect(await store.list('')).toEqual(['a/key'])
  })

  it('keeps 20 MiB', async () => {
    const store = (await newPlace()).open()
    const bytes = randomBytes(20 * MEBIBYTE + 17)
    await store.put('group/large', bytes)
    expect(same(await store.get('group/large'), bytes)).toBe(true)
    expect(await store.list('group/')).toEqual(['group/large'])
  })

  it('never shows a value half replaced', async () => {
    const place = await newPlace()
    const writer = place.open()
    const reader = place.open()
    await writer.put('key', filled(0, MEBIBYTE))
    let writing = true
    const writes = (async () => {
      for (let value = 1; value <= 20; value++) await writer.put('key', filled(value, MEBIBYTE + value))
      writing = false
    })()
    let reads = 0
    for (let last = 0; writing; reads++) {
      const bytes = await reader.get('key')
      expect(same(bytes, filled(bytes[0], MEBIBYTE + bytes[0]))).toBe(true)
      expect(bytes[0]).toBeGreaterThanOrEqual(last)
      last = bytes[0]
    }
    await writes
    expect(reads).toBeGreaterThan(1)
  })

  it('says that a key is missing, and which', async () => {
    const store = (await newPlace()).open()
    const before = await store.get('no/such/key').catch((error: unknown) => error)
    await store.put('no/key', text('x'))
    const beside = await store.get('no/such').catch((error: unknown) => error)
    const folder = await store.get('no').catch((error: unknown) => error)
    for (const error of [before, beside, folder]) expect(error).toMatchObject({ name: 'StoreError', kind: 'missing' })
    expect(before).toBeInstanceOf(StoreError)
    expect((before as StoreError).message).toBe(`${store.place} has no no/such/key`)
  })
}

function writingOnlyNew(newPlace: () => Promise<StorePlace>): void {
  it('writes a new key once, and leaves it as it is then', async () => {
    const store = (await newPlace()).open()
    expect(await store.putNew('g/manifest.json', text('first'))).toBe(true)
    expect(await store.putNew('g/manifest.json', text('second'))).toBe(false)
    expect(Buffer.from(await store.get('g/manifest.json')).toString()).toBe('first')
    expect(await store.list('')).toEqual(['g/manifest.json'])
    await store.delete(['g/manifest.json'])
    expect(await store.putNew('g/manifest.json', text('third'))).toBe(true)
    expect(Buffer.from(await store.get('g/manifest.json')).toString()).toBe('third')
  })

  it('does not write over what was put', async () => {
    const store = (await newPlace()).open()
    await store.put('key', text('put'))
    expect(await store.putNew('key', text('new'))).toBe(false)
    expect(Buffer.from(await store.get('key')).toString()).toBe('put')
  })

  it.for([['small values', 1_000, 16], ['values of 9 MiB', 9 * MEBIBYTE, 4]] as const)(
    'has one winner where many write a new key: %s', async ([, bytes, racers]) => {
      const place = await newPlace()
      const stores = Array.from({ length: racers }, () => place.open())
      const values = stores.map((_, i) => filled(i + 1, bytes))
      const won = await Promise.all(stores.map((store, i) => store.putNew('race/key', values[i])))
      expect(won.filter((winner) => winner)).toHaveLength(1)
      expect(same(await stores[0].get('race/key'), values[won.indexOf(true)])).toBe(true)
      expect(await stores[0].list('')).toEqual(['race/key'])
    })
}

function listingAndDeleting(newPlace: () => Promise<StorePlace>): void {
  it('lists the keys below a prefix in the order of their UTF-8 bytes', async () => {
    const store = (await newPlace()).open()
    // in UTF-16, JavaScript's order, the emoji comes before ｚ
    const keys = ['g/task-1/a', 'g/task-10/a', 'g/task-1/B', 'g/task-1/ä', 'g/task-1/ｚ', 'g/task-1/😀', 'g/task-2/x/y',
      'g2/a', 'h', 'g-1/a']
    for (const key of keys) await store.put(key, text(key))
    expect(await store.list('g/task-1/')).toEqual(['g/task-1/B', 'g/task-1/a', 'g/task-1/ä', 'g/task-1/ｚ', 'g/task-1/😀'])
    expect(await store.list('g/task-1')).toEqual(
      ['g/task-1/B', 'g/task-1/a', 'g/task-1/ä', 'g/task-1/ｚ', 'g/task-1/😀', 'g/task-10/a'])
    expect(await store.list('g')).toHaveLength(9)
    expect((await store.list('')).slice(0, 3)).toEqual(['g-1/a', 'g/task-1/B', 'g/task-1/a'])
    expect(await store.list('')).toHaveLength(keys.length)
  })

  it('lists nothing where nothing is', async () => {
    const store = (await newPlace()).open()
    expect(await store.list('')).toEqual([])
    expect(await store.list('group/task-0/')).toEqual([])
    await store.put('group/task-1/a', text('x'))
    expect(await store.list('group/task-0/')).toEqual([])
    expect(await store.list('group/task-1/a/')).toEqual([])
    expect(await store.list('group/task-1/a')).toEqual(['group/task-1/a'])
  })

  it('deletes what it is told to and nothing else, there or not', async () => {
    const store = (await newPlace()).open()
    for (const key of ['g/1/a', 'g/1/b', 'g/2/a', 'top']) await store.put(key, text(key))
    await store.delete([])
    await store.delete(['g/1/a', 'g/1/none', 'none/at/all', 'g/1/b', 'g/1/a', 'top'])
    expect(await store.list('')).toEqual(['g/2/a'])
    await expect(store.get('g/1/a')).rejects.toMatchObject({ kind: 'missing' })
    await store.put('g/1/a', text('again'))
    expect(await store.list('g/1/')).toEqual(['g/1/a'])
  })

  it('lists all that stays while others write and delete beside it', async () => {
    const place = await newPlace()
    const lister = place.open()
    const stays = ['g/0/stays', 'g/5/stays', 'g/9/stays']
    for (const key of stays) await lister.put(key, text(key))
    let busy = true
    const churn = Promise.all([1, 3, 7].map(async (task) => {
      const store = place.open()
      for (let i = 0; i < 15; i++) {
        await store.put(`g/${task}/${i}/x`, text('x'))
        await store.delete([`g/${task}/${i}/x`])
      }
    })).finally(() => { busy = false })
    while (busy) expect((await lister.list('g/')).filter((key) => key.endsWith('/stays'))).toEqual(stays)
    await churn
    expect(await lister.list('')).toEqual(stays)
  })
}

function keys(newPlace: () => Promise<StorePlace>): void {
  it('takes odd keys as they are', async () => {
    const store = (await newPlace()).open()
    for (const key of ODD_KEYS) await store.put(key, text(key))
    expect((await store.list('')).sort()).toEqual(ODD_KEYS.toSorted())
    for (const key of ODD_KEYS) {
      expect(Buffer.from(await store.get(key)).toString()).toBe(key)
      expect(await store.list(key)).toEqual([key])
      expect(await store.putNew(key, text('other'))).toBe(false)
    }
    await store.delete(ODD_KEYS)
    expect(await store.list('')).toEqual([])
  })

  it.for(UNFIT_KEYS.map((key) => [key.slice(0, 20), key]))('takes %j for a bug', async ([, key]) => {
    const store = (await newPlace()).open()
    await expect(store.put(key, text('x'))).rejects.toBeInstanceOf(BugError)
    await expect(store.putNew(key, text('x'))).rejects.toBeInstanceOf(BugError)
    await expect(store.get(key)).rejects.toBeInstanceOf(BugError)
    await expect(store.delete(['a', key])).rejects.toBeInstanceOf(BugError)
    expect(await store.list('')).toEqual([])
  })

  it('has a place that names neither keys nor secrets', async () => {
    expect((await newPlace()).open().place).toMatch(/^(file|s3):\/\/\S+/)
  })
}
