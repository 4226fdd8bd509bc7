/**
 * Which session a second lies in. New York's clock comes from the config image: pairs (first UTC second, offset in
 * seconds), ascending, so that a replay doesn't depend on the machine's zone data.
 * us-equity: a new session at 04:00 and 09:30 local time on every calendar day; us-equity-extended: at 04:00; utc-day: 00:00 UTC.
 */
import { CFG_SESSION, CFG_ZONE_COUNT, CFG_ZONE_OFFSET, CONFIG_BASE } from '../layout'
import { cell } from '../memory'

const DAY: i64 = 86_400
const PRE_MARKET: i64 = 4 * 3_600
const OPENING: i64 = 9 * 3_600 + 1_800
const EXTENDED: i64 = 1
const UTC_DAY: i64 = 2

/** Running number of the session; 0 is never used, so a fresh indicator row is in no session. */
export function sessionOf(second: i64): i64 {
  const mode = cell(CFG_SESSION)
  const local = mode == UTC_DAY ? second : second + offsetAt(second)
  const day = floorDivide(local, DAY)
  if (mode == UTC_DAY) return day * 2 + 1_000_000
  const timeOfDay = local - day * DAY
  const start = timeOfDay < PRE_MARKET ? day - 1 : day
  const regular = mode != EXTENDED && (timeOfDay >= OPENING || timeOfDay < PRE_MARKET)
  return start * 2 + (regular ? 1 : 0) + 1_000_000
}

@inline function floorDivide(a: i64, b: i64): i64 { return a >= 0 ? a / b : (a - (b - 1)) / b }

/** New York's offset from UTC, in seconds, at a UTC second: binary search over the image's table. */
function offsetAt(second: i64): i64 {
  const table = <usize>CONFIG_BASE + <usize>cell(CFG_ZONE_OFFSET)
  let low = 0
  let high = <i32>cell(CFG_ZONE_COUNT)
  while (low + 1 < high) {
    const middle = (low + high) >>> 1
    if (load<i64>(table + <usize>(middle << 4)) <= second) low = middle
    else high = middle
  }
  return load<i64>(table + <usize>(low << 4), 8)
}
