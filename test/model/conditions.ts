/**
 * Alpaca's minute-bar rules by sale condition and tape (Market Data FAQ, "How are bars aggregated?", minute columns):
 * a trade updates prices, or volume and count, unless one of its conditions forbids it. The strictest wins.
 */

const PRICE_EXCLUDED: Record<string, string> = {
  A: 'BCHIMNPQRUVZ479',
  B: 'BCHIMNPQRUVZ479',
  C: 'CGHIMNPQRUVWZ479',
  O: 'CINPRUW',
}
const VOLUME_EXCLUDED: Record<string, string> = { A: 'MQ9', B: 'MQ9', C: 'MQ9', O: '' }

export interface Eligibility {
  price: boolean
  volume: boolean
}

/** No tape means A, an unknown tape excludes nothing. */
export function eligibility(rules: 'all' | 'alpaca', conditions: string[], tape: string | null): Eligibility {
  if (rules === 'all') return { price: true, volume: true }
  const priceExcluded = PRICE_EXCLUDED[tape || 'A'] ?? ''
  const volumeExcluded = VOLUME_EXCLUDED[tape || 'A'] ?? ''
  const letters = conditions.filter((code) => code.length === 1)
  return {
    price: !letters.some((letter) => priceExcluded.includes(letter)),
    volume: !letters.some((letter) => volumeExcluded.includes(letter)),
  }
}
