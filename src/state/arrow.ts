/**
 * apache-arrow as one file. Its other builds are 150 modules, which took 130 ms of CPU to find and load, in each thread that
 * starts; this one takes 25. (CommonJS, as the package's exports give it to `require` alone.)
 */
import { createRequire } from 'node:module'
import type * as Arrow from 'apache-arrow'

const arrow = createRequire(import.meta.url)('apache-arrow/Arrow.es2015.min') as typeof Arrow

export const {
  Binary, Field, FixedSizeBinary, FixedSizeList, Float64, Int32, Int64, RecordBatch, RecordBatchFileWriter, Schema, Struct, Uint8, Utf8,
  makeData, tableFromIPC, vectorFromArray,
} = arrow
