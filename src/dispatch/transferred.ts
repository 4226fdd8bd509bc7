/** Results of workers that are handed over without a copy: their buffers move to the other thread. */
import { move, transferableSymbol, valueSymbol } from 'piscina'
import type { TableCopy } from '../state/arrow-tables.ts'

/** `value` as a worker returns it, with the buffers that go along; they are gone here afterwards. */
export function transferred(value: unknown, buffers: ArrayBuffer[]): unknown {
  return move({
    get [transferableSymbol]() {
      return buffers
    },
    get [valueSymbol]() {
      return value
    },
  } as never)
}

/** The buffers of a copy, each column's own. */
export const copyBuffers = (copies: TableCopy[]): ArrayBuffer[] => copies.flatMap(({ columns }) => columns.map(({ bytes }) => bytes.buffer as ArrayBuffer))
