/**
 * Alpaca's minute-bar rules: which sale conditions, on which tapes, keep a trade out of open/high/low/close and out of
 * volume and count. Source: Alpaca, Market Data FAQ, "How are bars aggregated?", minute column, as read on 2026-01-26.
 * Several conditions: the strictest wins; conditions that aren't listed block nothing.
 */

/** Tapes, in the order of the kernel's masks. */
export const TAPES = ['A', 'B', 'C', 'O'] as const

export interface ConditionRule {
  code: string
  meaning: string
  /** Tapes on which the code has this meaning. */
  tapes: string
  price: boolean
  volume: boolean
}

const rule = (code: string, meaning: string, tapes: string, volume = true): ConditionRule => ({ code, meaning, tapes, price: false, volume })

/** The codes that block something. */
export const BLOCKING_RULES: ConditionRule[] = [
  rule('B', 'average price', 'AB'),
  rule('C', 'cash sale', 'ABCO'),
  rule('G', 'bunched sold', 'C'),
  rule('H', 'price variation', 'ABC'),
  rule('I', 'odd lot', 'ABCO'),
  rule('M', 'official close', 'ABC', false),
  rule('N', 'next day', 'ABCO'),
  rule('P', 'prior reference price', 'ABCO'),
  rule('Q', 'official open', 'ABC', false),
  rule('R', 'seller', 'ABCO'),
  rule('U', 'extended hours, sold out of sequence', 'ABCO'),
  rule('V', 'contingent', 'ABC'),
  rule('W', 'average price', 'CO'),
  rule('Z', 'sold out of sequence', 'ABC'),
  rule('4', 'derivatively priced', 'ABC'),
  rule('7', 'qualified contingent', 'ABC'),
  rule('9', 'corrected consolidated close', 'ABC', false),
]

/** For each tape: price-blocking codes 0–63 and 64–127, volume-blocking codes likewise, as bit masks. */
export function conditionMasks(rules = BLOCKING_RULES): BigUint64Array {
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
