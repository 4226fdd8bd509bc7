/** Strings as JSON.stringify writes them. */

/** Bit i: byte i of the 16 at `p` needs an escape. */
// @ts-ignore: decorator
@inline
function escapesAt(p: i32): i32 {
  const block = v128.load(p)
  const quotes = v128.or(i8x16.eq(block, i8x16.splat(0x22)), i8x16.eq(block, i8x16.splat(0x5c)))
  return i8x16.bitmask(v128.or(quotes, i8x16.lt_u(block, i8x16.splat(0x20))))
}

/**
 * Writes the valid UTF-8 text [from, from + length) with its quotes at `at` and returns the end: at most 2 + 6 · length
 * bytes, and nothing beyond the end is touched. Reads up to 15 bytes past the text, which decide nothing.
 */
export function writeString(at: i32, from: i32, length: i32): i32 {
  const end = from + length
  let source = from
  let p = at
  store<u8>(p++, 0x22)
  while (source < end) {
    const stops = escapesAt(source)
    const run = min(stops == 0 ? 16 : ctz(stops), end - source)
    if (run == 16) v128.store(p, v128.load(source))
    else copyFew(p, source, run)
    p += run
    source += run
    if (stops != 0 && source < end) p = writeEscape(p, load<u8>(source++))
  }
  store<u8>(p, 0x22)
  return p + 1
}

/** Copies under 16 bytes. */
// @ts-ignore: decorator
@inline
function copyFew(to: i32, from: i32, count: i32): void {
  let done = 0
  if ((count & 8) != 0) {
    store<u64>(to, load<u64>(from))
    done = 8
  }
  if ((count & 4) != 0) {
    store<u32>(to + done, load<u32>(from + done))
    done += 4
  }
  if ((count & 2) != 0) {
    store<u16>(to + done, load<u16>(from + done))
    done += 2
  }
  if ((count & 1) != 0) store<u8>(to + done, load<u8>(from + done))
}

function writeEscape(at: i32, byte: u32): i32 {
  store<u8>(at, 0x5c)
  let short: u32 = 0
  switch (byte) {
    case 0x22: case 0x5c: short = byte; break
    case 0x08: short = 0x62; break
    case 0x09: short = 0x74; break
    case 0x0a: short = 0x6e; break
    case 0x0c: short = 0x66; break
    case 0x0d: short = 0x72; break
    default: break
  }
  if (short != 0) {
    store<u8>(at, short, 1)
    return at + 2
  }
  store<u32>(at, 0x3030_3075, 1)
  store<u8>(at, 0x30 + (byte >> 4), 4)
  store<u8>(at, (byte & 15) < 10 ? 0x30 + (byte & 15) : 0x57 + (byte & 15), 5)
  return at + 6
}
