/**
 * Alpaca's minute-bar rules by sale condition and tape. The table is data of the config image: for each of the tapes
 * A, B, C and O four masks over the condition's ASCII code: price blocked (codes 0–63, 64–127), volume blocked likewise.
 * Several conditions: the strictest wins. No tape means tape A.
 */
import { CFG_CONDITIONS_OFFSET, CONFIG_BASE } from '../layout'
import { cell } from '../memory'

@inline function masksOf(tape: u8): usize {
  const index: usize = tape == 0x42 ? 1 : tape == 0x43 ? 2 : tape == 0x4f ? 3 : 0
  return <usize>CONFIG_BASE + <usize>cell(CFG_CONDITIONS_OFFSET) + index * 32
}

/** Whether a trade with these conditions may set open, high, low and close. */
export function priceCounts(low: u64, high: u64, tape: u8): bool {
  const masks = masksOf(tape)
  return ((low & load<u64>(masks)) | (high & load<u64>(masks, 8))) == 0
}

/** Whether it counts in volume and trade count. */
export function volumeCounts(low: u64, high: u64, tape: u8): bool {
  const masks = masksOf(tape)
  return ((low & load<u64>(masks, 16)) | (high & load<u64>(masks, 24))) == 0
}
