/** Sale conditions as the kernel reads them: masks a tape. Conditions that aren't listed block nothing; the strictest wins. */
import { readSaleConditions, TAPES } from '../market/sale-conditions.ts'
import type { ConditionRule } from '../market/sale-conditions.ts'

/** For each tape: price-blocking codes 0–63 and 64–127, volume-blocking codes likewise, as bit masks. Alpaca's table by default. */
export function conditionMasks(rules: readonly ConditionRule[] = readSaleConditions()): BigUint64Array {
  const masks = new BigUint64Array(TAPES.length * 4)
  for (const { code, tapes, price, volume } of rules) {
    const at = code.charCodeAt(0)
    for (const tape of tapes) {
      const base = TAPES.indexOf(tape as (typeof TAPES)[number]) * 4
      const word = at < 64 ? 0 : 1
      const bit = 1n << BigInt(at % 64)
      if (!price) masks[base + word] |= bit
      if (!volume) masks[base + 2 + word] |= bit
    }
  }
  return masks
}
