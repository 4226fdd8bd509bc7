/** Settings of the reference model, with the contract's defaults. */

export type Session = 'us-equity' | 'us-equity-extended' | 'utc-day'

export interface ProvisionalSettings {
  on: boolean
  delayMs: number
  refreshMs: number
  maxAgeMs: number
}

export interface ModelSettings {
  latenessMs: number
  /** A record is rejected when its event time is past the clock by more than this. */
  maxFutureMs: number
  provisional: ProvisionalSettings
  /** 0 = never. */
  quoteStaleAfterMs: number
  quoteDedupe: 'seq' | 'event_ts'
  session: Session
  saleConditions: 'all' | 'alpaca'
  /** Source field → its path, without fallback (`TA_FIELD_MAP`). */
  fieldMap: Record<string, string>
  /** The start was by `latest`: the first windows may be cut and are left out. */
  latest: boolean
  maxSymbols: number
}

export type ModelSettingsGiven = Partial<Omit<ModelSettings, 'provisional'>> & { provisional?: Partial<ProvisionalSettings> }

/** Fills what is not given with the contract's defaults. */
export function withDefaults(given: ModelSettingsGiven): ModelSettings {
  return {
    latenessMs: 2_000,
    maxFutureMs: 1_000,
    quoteStaleAfterMs: 15_000,
    quoteDedupe: 'seq',
    session: 'us-equity',
    saleConditions: 'all',
    fieldMap: {},
    latest: false,
    maxSymbols: 20_000,
    ...given,
    provisional: { on: true, delayMs: 0, refreshMs: 250, maxAgeMs: 10_000, ...given.provisional },
  }
}
