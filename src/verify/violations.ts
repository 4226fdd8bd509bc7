/** What verify can find; the names stand in `ta verify --json`. */
export type Rule =
  | 'malformed'
  | 'seq'
  | 'two_finals'
  | 'final_out_of_order'
  | 'provisional_after_final'
  | 'never_final'
  | 'bar_without_signal'
  | 'signal_without_bar'
  | 'two_partitions'
  | 'wrong_partition'

export interface Violation {
  rule: Rule
  topic: string
  partition: number
  offset: number
  symbol: string | null
  /** In words, a whole sentence. */
  detail: string
}

/** More than these are counted only. */
export const VIOLATIONS_SHOWN = 20

export class Violations {
  readonly first: Violation[] = []
  readonly byRule: Partial<Record<Rule, number>> = {}
  count = 0

  add(violation: Violation): void {
    this.count++
    this.byRule[violation.rule] = (this.byRule[violation.rule] ?? 0) + 1
    if (this.first.length < VIOLATIONS_SHOWN) this.first.push(violation)
  }
}
