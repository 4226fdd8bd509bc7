/**
 * How decode and the number writer share the scratch area. Nothing in it outlives a call from outside, except the
 * cells of which a function says that it leaves its result there.
 */
import { SCRATCH_BASE } from '../layout'

/** One bit a nesting level: 1 MiB of brackets is 1,048,576 levels, 131,072 bytes. */
export const NESTING: i32 = SCRATCH_BASE
/** Node of the field trie at each of the outer levels, i32 each. */
export const NODES: i32 = NESTING + 131_072
export const NODES_MAX: i32 = 64
/** Values found at the paths of the field trie: kind, start, end, i32 each; room for 64. */
export const SLOTS: i32 = NODES + NODES_MAX * 4
export const SLOT_SHIFT: i32 = 4
/** Bit s: there is a value other than null in slot s. u64. */
export const PRESENT: i32 = SLOTS + (64 << SLOT_SHIFT)
/** Result of parseInteger64. i64. */
export const INTEGER: i32 = PRESENT + 8
/** Whether the last unescaped text held half of a surrogate pair. i32. */
export const LONE_SURROGATE: i32 = INTEGER + 8
/** Decimal exponent of shortestDigits. i32. */
export const DECIMAL_EXPONENT: i32 = LONE_SURROGATE + 8
/** Running hash over condition codes. u64. */
export const CONDITIONS_HASH: i32 = DECIMAL_EXPONENT + 8
/** Three big integers: 4 bytes of length, then 32-bit limbs. 3,700 bits are the most that is needed: 116 limbs. */
export const BIG_DIGITS: i32 = CONDITIONS_HASH + 8
export const BIG_LEFT: i32 = BIG_DIGITS + 1024
export const BIG_RIGHT: i32 = BIG_LEFT + 1024
/** Shapes of the batch's records (shape.ts): for each a head of 16 bytes, then parts of 32 bytes. */
export const SHAPES: i32 = (BIG_RIGHT + 1024 + 15) & ~15
export const SHAPE_PARTS_MAX: i32 = 63
export const SHAPE_BYTES: i32 = 16 + SHAPE_PARTS_MAX * 32
export const SHAPES_KEPT: i32 = 2
/** The shape that is tried first, its address. i32. */
export const SHAPE_FIRST: i32 = SHAPES + SHAPES_KEPT * SHAPE_BYTES
/** What trying shapes has brought in this batch: hits less misses. i32. */
export const SHAPE_CREDIT: i32 = SHAPE_FIRST + 4
/** Date and time of the last stamp as text, 19 bytes, and its seconds since the epoch, i64 (time.ts). */
export const STAMP_TEXT: i32 = SHAPE_CREDIT + 4
export const STAMP_SECONDS: i32 = STAMP_TEXT + 24
/** What all records of an epoch's end begin with, up to the event time (encode/envelope.ts): 64 bytes of text, its length. */
export const HEAD_TEXT: i32 = (STAMP_SECONDS + 8 + 15) & ~15
export const HEAD_LENGTH: i32 = HEAD_TEXT + 64
/** Four stamps of whole seconds: second i64, then 20 bytes of text, in 32 bytes each. */
export const SECOND_TEXTS: i32 = HEAD_LENGTH + 16
export const SECOND_TEXTS_KEPT: i32 = 4
/** Bytes of scratch that are in use here. */
export const SCRATCH_USED: i32 = SECOND_TEXTS + SECOND_TEXTS_KEPT * 32 - SCRATCH_BASE
