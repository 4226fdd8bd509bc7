/** Entry of the tests' own build: decode and the writers alone, without the rest of the kernel. */
export { decodeBatch } from './record'
export { parseInteger64, parseNumber } from './number'
export { parseEpochNumber, parseRfc3339 } from './time'
export { scan } from './scan'
export { INTEGER, PRESENT, SCRATCH_USED, SHAPE_CREDIT, SLOTS } from './scratch'
export { writeF64, writeI64 } from '../encode/number'
export { writeStamp, writeStampMs } from '../encode/time'
export { writeString } from '../encode/text'
