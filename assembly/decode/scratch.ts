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
/** Bytes of scratch that are in use here. */
export const SCRATCH_USED: i32 = BIG_RIGHT + 1024 - SCRATCH_BASE
