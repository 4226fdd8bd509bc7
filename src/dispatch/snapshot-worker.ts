/**
 * Entry file of the thread that makes snapshots' files: a copy of the state in, Arrow IPC files out. Apart from the kernels'
 * workers, so that no step waits while megabytes are encoded and hashed.
 */
import { encodeTables } from '../state/arrow-tables.ts'
import type { TableCopy } from '../state/arrow-tables.ts'
import { transferred } from './transferred.ts'

export default function encode(copies: TableCopy[]): unknown {
  const files = encodeTables(copies)
  return transferred(files, files.map(({ bytes }) => bytes.buffer as ArrayBuffer))
}
