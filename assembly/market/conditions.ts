/**
 * Alpaca's minute-bar rules by sale condition and tape. The table is data of the config image: for each of the tapes
 * A, B, C and O four masks over the condition's ASCII code: price blocked (codes 0–63, 64–127), volume blocked likewise.
 * Several conditions: the strictest wins. No tape means tape A; on an unknown one no condition has a meaning.
 */
import { CFG_CONDITIONS_OFFSET, CONFIG_BASE } from '../layout'
import { cell } from '../memory'

const TAPE_A: u8 = 0x41
const TAPE_B: u8 = 0x42
const TAPE_C: u8 = 0x43
const TAPE_O: u8 = 0x4f

/** Where the tape's masks lie, or 0 for an unknown tape. */
@inline function masksOf(tape: u8): usize {
  const base = <usize>CONFIG_BASE + <usize>cell(CFG_CONDITIONS_OFFSET)
  if (tape == 0 || tape == TAPE_A) return base
  if (tape == TAPE_B) return base + 32
  if (tape == TAPE_C) return base + 64
  return tape == TAPE_O ? base + 96 : 0
}

/** Whether a trade with these conditions may set open, high, low and close. */
export function priceCounts(low: u64, high: u64, tape: u8): bool {
  const masks = masksOf(tape)
  return masks == 0 || ((low & load<u64>(masks)) | (high & load<u64>(masks, 8))) == 0
}

/** Whether it counts in volume and trade count. */
export function volumeCounts(low: u64, high: u64, tape: u8): bool {
  const masks = masksOf(tape)
  return masks == 0 || ((low & load<u64>(masks, 16)) | (high & load<u64>(masks, 24))) == 0
}
