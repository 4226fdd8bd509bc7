/** Random streams for the kernel and the model: everything awkward that a task can meet, from one seed. */
import { integerBetween, seeded } from '../fixtures/random.ts'
import type { Random } from '../fixtures/random.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { cancelRecord, correctionRecord, quoteRecord, tradeRecord } from '../model/records.ts'

export type Action =
  | { do: 'apply'; channel: 'trades' | 'quotes'; records: { key: string | null; value: string }[]; clockMs: number | null }
  | { do: 'close'; clockMs: number | null; idle: { trades: boolean; quotes: boolean } }

export interface Stream {
  settings: ModelSettingsGiven
  actions: Action[]
}

const pick = <T>(random: Random, values: readonly T[]): T => values[integerBetween(random, 0, values.length)]
const chance = (random: Random, share: number): boolean => random() < share

/** A stream of about `length` records with its settings, clocks and epoch ends. */
export function randomStream(seed: number, length: number): Stream {
  const random = seeded(seed)
  const settings: ModelSettingsGiven = {
    latenessMs: pick(random, [0, 500, 2_000, 5_000]),
    maxFutureMs: pick(random, [0, 1_000]),
    provisional: {
      on: chance(random, 0.8), delayMs: pick(random, [0, 100]), refreshMs: pick(random, [1, 250, 1_000]), maxAgeMs: pick(random, [0, 3_000, 10_000]),
    },
    quoteStaleAfterMs: pick(random, [0, 500, 15_000]),
    quoteDedupe: pick(random, ['seq', 'event_ts']),
    session: pick(random, ['us-equity', 'us-equity-extended', 'utc-day']),
    saleConditions: pick(random, ['all', 'alpaca']),
    corrections: chance(random, 0.6),
    minuteBars: false,
    latest: chance(random, 0.2),
    maxSymbols: pick(random, [2, 20_000]),
  }
  const hasClock = chance(random, 0.85)
  const maker = new Maker(random, Date.parse(pick(random, ['2024-11-01T13:29:55Z', '2024-11-04T08:59:58Z', '2025-06-02T23:59:57Z'])))
  const actions: Action[] = []
  let clockMs = maker.nowMs
  for (let made = 0; made < length;) {
    const rows = chance(random, 0.3) ? 1 : integerBetween(random, 1, 12)
    const channel = chance(random, 0.6) ? 'trades' : 'quotes'
    const records = Array.from({ length: rows }, () => maker.record(channel))
    made += rows
    clockMs = Math.max(clockMs, maker.nowMs + integerBetween(random, -100, 400))
    actions.push({ do: 'apply', channel, records, clockMs: hasClock ? clockMs : null })
    if (!chance(random, 0.35)) continue
    clockMs += pick(random, [0, 1, 250, 999])
    actions.push({ do: 'close', clockMs: hasClock ? clockMs : null, idle: { trades: chance(random, 0.1), quotes: chance(random, 0.2) } })
  }
  for (const waitMs of [0, 500, 20_000]) {
    clockMs += waitMs
    actions.push({ do: 'close', clockMs: hasClock ? clockMs : null, idle: { trades: true, quotes: true } })
  }
  return { settings, actions }
}

/** Makes records around a time that goes on, and remembers them for repeats and fixes. */
class Maker {
  nowMs: number
  readonly #random: Random
  readonly #made: { key: string | null; value: string }[] = []
  readonly #trades: { symbol: string; id: unknown; x: string | undefined }[] = []
  #count = 0

  constructor(random: Random, startMs: number) {
    this.#random = random
    this.nowMs = startMs
  }

  /** RFC 3339 around now: mostly in order, some late, some beyond the lateness, some in the future, many on the same stamp. */
  #stamp(): string {
    const random = this.#random
    const shift = chance(random, 0.2) ? integerBetween(random, -3_000, 0) : chance(random, 0.03) ? integerBetween(random, -9_000, 5_000) : 0
    const ms = chance(random, 0.3) ? Math.floor((this.nowMs + shift) / 250) * 250 : this.nowMs + shift
    const text = new Date(ms).toISOString()
    return chance(random, 0.1) ? text.replace('Z', '999999Z') : chance(random, 0.1) ? text.replace(/\.\d+Z/, '.999999999Z') : text
  }

  record(channel: 'trades' | 'quotes'): { key: string | null; value: string } {
    const random = this.#random
    this.nowMs += chance(random, 0.05) ? integerBetween(random, 500, 4_000) : integerBetween(random, 0, 120)
    if (this.#made.length > 0 && chance(random, 0.08)) return this.#made[integerBetween(random, Math.max(this.#made.length - 30, 0), this.#made.length)]
    const record = chance(random, 0.03) ? this.#bad() : channel === 'quotes' ? this.#quote() : this.#tradeOrFix()
    this.#made.push(record)
    return record
  }

  #symbol(): string {
    return pick(this.#random, ['AAPL', 'MSFT', 'BTC/USD', 'ÄÖ"\\'])
  }

  #tradeOrFix(): { key: string; value: string } {
    const random = this.#random
    const t = this.#stamp()
    const known = this.#trades.length > 0 ? this.#trades[integerBetween(random, Math.max(this.#trades.length - 8, 0), this.#trades.length)] : undefined
    const conditions = pick(random, [['@'], ['@', 'I'], [' ', 'F', 'T'], ['M'], ['B'], ['4'], undefined, null, 'R'])
    const price = integerBetween(random, 9_900, 10_100) / 100
    const size = pick(random, [0, 1, 100, 0.00012345, 250, 3.7])
    if (known !== undefined && chance(random, 0.06)) return cancelRecord({ t, S: known.symbol, i: known.id, x: known.x })
    if (known !== undefined && chance(random, 0.06)) {
      const ci = chance(random, 0.3) ? known.id : ++this.#count
      return correctionRecord({ t, S: known.symbol, oi: known.id, x: known.x, ci, cp: price, cs: size, cc: conditions, z: pick(random, ['A', 'C', undefined]) })
    }
    const id = chance(random, 0.1) && known !== undefined ? known.id : pick(random, [++this.#count, `${this.#count}`, `id-${this.#count}-${'x'.repeat(40)}`])
    const trade = { symbol: known !== undefined && chance(random, 0.3) ? known.symbol : this.#symbol(), id, x: pick(random, ['D', 'Q', '', undefined]) }
    this.#trades.push(trade)
    return tradeRecord({ t, S: trade.symbol, i: id, x: trade.x, p: price, s: size, c: conditions, z: pick(random, ['A', 'B', 'C', 'O', 'Z', undefined]) }, { feed: pick(random, ['sip', 'iex', undefined]) })
  }

  #quote(): { key: string; value: string } {
    const random = this.#random
    const bid = integerBetween(random, 9_900, 10_100) / 100
    const values = { bp: pick(random, [bid, 0]), bs: pick(random, [0, 1, 12]), ap: pick(random, [bid + 0.01, bid, 0]), as: pick(random, [0, 3, 40]) }
    return quoteRecord({ t: this.#stamp(), S: this.#symbol(), ...values }, { seq: pick(random, [undefined, ++this.#count, 5]) })
  }

  #bad(): { key: string | null; value: string } {
    const good = this.#tradeOrFix()
    const other = pick(this.#random, ['{', '[]', '', '{"symbol":"AAPL"}', good.value.replace('"p":', '"pp":'), good.value.replace('"T":"t"', '"T":"s"'), good.value.replace('"p":1', '"p":-1')])
    return chance(this.#random, 0.3) ? { key: pick(this.#random, [null, 'OTHER']), value: good.value } : { key: good.key, value: other }
  }
}
