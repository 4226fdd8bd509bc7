/** A snapshot's manifest: what the files beside it must be, and which epoch they belong to. */
import { createHash } from 'node:crypto'
import { decodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'

/** Size of one table, in rows. */
export interface TableSize {
  name: string
  capacity: number
  used: number
  free: number
}

export interface Manifest {
  version: 1
  group: string
  tradesTopic: string
  partitions: number
  task: number
  epoch: number
  /** The epoch's record as it stands on the epoch topic, base64: offsets, clock, counts, idle bits, digest. */
  record: string
  layoutVersion: number
  cells: Record<string, string>
  tables: (TableSize & { file: string; rows: number; bytes: number; sha256: string })[]
  storedAtMs: number
  /** SHA-256 of all else, as JSON without spaces in this order: cells and sizes have no other checksum. */
  sha256: string
}

type Fields = Record<string, unknown>
type Check = (value: unknown) => boolean

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const isText: Check = (value) => typeof value === 'string'
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
/** Cells are 64 bits wide, so they are text. */
const isCells: Check = (value) => isFields(value) && Object.values(value).every((cell) => typeof cell === 'string' && /^-?\d+$/.test(cell))
const matches = (pattern: RegExp): Check => (value) => typeof value === 'string' && pattern.test(value)

const FIELDS: Record<keyof Manifest, Check> = {
  version: (value) => value === 1, group: isText, tradesTopic: isText, partitions: isCount, task: isCount, epoch: isCount, record: isText,
  layoutVersion: isCount, cells: isCells, tables: Array.isArray, storedAtMs: isCount, sha256: matches(/^[0-9a-f]{64}$/),
}
const TABLE_FIELDS: Record<keyof Manifest['tables'][number], Check> = {
  name: isText, capacity: isCount, used: isCount, free: isCount, rows: isCount, bytes: isCount,
  file: matches(/^[\w-]+\.arrow$/), sha256: matches(/^[0-9a-f]{64}$/),
}

/** The manifest under `key`. Throws RangeError with what is wrong when the bytes are no whole one (a write that broke off). */
export function parseManifest(key: string, bytes: Uint8Array): Manifest {
  let parsed: unknown
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw new RangeError(`${key} is no whole manifest: its ${bytes.length} bytes are no JSON`)
  }
  assertFields(`${key} is no whole manifest`, parsed, FIELDS)
  for (const table of parsed.tables as unknown[]) assertFields(`${key} is no whole manifest, in a table`, table, TABLE_FIELDS)
  const manifest = parsed as unknown as Manifest
  if (manifest.sha256 !== digestOf(manifest)) throw new RangeError(`${key} is no whole manifest: it does not have the checksum that it names`)
  return manifest
}

/** A manifest's bytes, with its checksum. */
export function manifestBytes(manifest: Omit<Manifest, 'sha256'>): Buffer {
  return Buffer.from(`${JSON.stringify({ ...manifest, sha256: digestOf(manifest) }, null, 1)}\n`)
}

function digestOf(manifest: Omit<Manifest, 'sha256'>): string {
  const { sha256, ...rest } = manifest as Partial<Manifest>
  void sha256
  return createHash('sha256').update(JSON.stringify(rest)).digest('hex')
}

function assertFields(what: string, value: unknown, checks: Record<string, Check>): asserts value is Fields {
  if (!isFields(value)) throw new RangeError(`${what}: it is no object`)
  for (const [name, holds] of Object.entries(checks)) {
    if (value[name] === undefined) throw new RangeError(`${what}: ${name} is missing`)
    if (!holds(value[name])) throw new RangeError(`${what}: ${name} is not what it has to be`)
  }
}

/** The record of the manifest's epoch. Throws RangeError when it is none. */
export const manifestRecord = (manifest: Manifest): EpochRecord => decodeEpochRecord(Buffer.from(manifest.record, 'base64'))
