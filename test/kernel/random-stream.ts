/** Random streams for the kernel and the model: everything awkward that a task can meet, from one seed. */
import { integerBetween, seeded } from '../fixtures/random.ts'
import type { Random } from '../fixtures/random.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { cancelRecord, correctionRecord, minuteBarRecord, quoteRecord, tradeRecord } from '../model/records.ts'

export type Channel = 'trades' | 'quotes' | 'bars'
export type Action =
  | { do: 'apply'; channel: Channel; records: { key: string | null; value: string }[]; clockMs: number | null }
  | { do: 'close'; clockMs: number | null; idle: { trades: boolean; quotes: boolean } }

export interface Stream {
  settings: ModelSettingsGiven
  actions: Action[]
}

export interface StreamShape {
  /** Prices in 1/64, whole sizes: every sum is exact, in whatever order it is formed. */
  exact?: boolean
  /** Time between records, ms: [from, to). */
  stepMs?: [from: number, to: number]
  symbols?: readonly string[]
  /** Share of the batches that are minute bars. */
  barShare?: number
}

const SYMBOLS = ['AAPL', 'MSFT', 'BTC/USD', 'ÄÖ"\\']
/** A session's start each, in New York (09:30 and 04:00) and UTC. */
const STARTS = ['2024-11-01T13:29:55Z', '2024-11-04T08:59:58Z', '2025-06-02T23:59:57Z']

const pick = <T>(random: Random, values: readonly T[]): T => values[integerBetween(random, 0, values.length)]
const chance = (random: Random, share: number): boolean => random() < share
/** A number of which JSON keeps the digits as they stand here. Node has it, TypeScript's es2024 not yet. */
const raw = (digits: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(digits)

/** A stream of about `length` records with its settings, clocks and epoch ends. */
export function randomStream(seed: number, length: number, shape: StreamShape = {}): Stream {
  const random = seeded(seed)
  const settings: ModelSettingsGiven = {
    latenessMs: pick(random, [0, 500, 2_000, 5_000]),
    maxFutureMs: pick(random, [0, 1_000]),
    provisional: {
      on: chance(random, 0.8), delayMs: pick(random, [0, 100]), refreshMs: pick(random, [1, 250, 1_000]),
      maxAgeMs: pick(random, [0, 3_000, 10_000]),
    },
    quoteStaleAfterMs: pick(random, [0, 500, 15_000]),
    quoteDedupe: pick(random, ['seq', 'event_ts']),
    session: pick(random, ['us-equity', 'us-equity-extended', 'utc-day']),
    saleConditions: pick(random, ['all', 'alpaca']),
    latest: chance(random, 0.2),
    maxSymbols: pick(random, [2, 20_000]),
  }
  const hasClock = chance(random, 0.85)
  const maker = new Maker(random, Date.parse(pick(random, STARTS)), shape)
  const barShare = shape.barShare ?? pick(random, [0, 0.1, 0.5])
  const actions: Action[] = []
  let clockMs = maker.nowMs
  for (let made = 0; made < length;) {
    const rows = chance(random, 0.3) ? 1 : integerBetween(random, 1, 12)
    const channel = chance(random, barShare) ? 'bars' : chance(random, 0.6) ? 'trades' : 'quotes'
    const records = Array.from({ length: rows }, () => maker.record(channel))
    made += rows
    clockMs = Math.max(clockMs, maker.nowMs + integerBetween(random, -100, 400))
    actions.push({ do: 'apply', channel, records, clockMs: hasClock ? clockMs : null })
    if (!chance(random, 0.35)) continue
    clockMs += pick(random, [0, 1, 250, 999])
    const idle = { trades: chance(random, 0.1), quotes: chance(random, 0.2) }
    actions.push({ do: 'close', clockMs: hasClock ? clockMs : null, idle })
  }
  for (const waitMs of [0, 500, 20_000]) {
    clockMs += waitMs
    actions.push({ do: 'close', clockMs: hasClock ? clockMs : null, idle: { trades: true, quotes: true } })
  }
  return { settings, actions }
}

interface Made {
  key: string | null
  value: string
}

/** Makes records around a time that goes on, and remembers them for repeats and fixes. */
class Maker {
  nowMs: number
  readonly #random: Random
  readonly #shape: StreamShape
  readonly #stepMs: [number, number]
  readonly #symbols: readonly string[]
  readonly #made: Made[] = []
  readonly #bars: Made[] = []
  /** The minute that bars have come to; it goes on faster than the trades' time, from far behind it. */
  #minuteMs: number
  readonly #quotes: { t: string; S: string }[] = []
  readonly #fixes: Made[] = []
  readonly #trades: { symbol: string; id: unknown; x: string | undefined }[] = []
  /** Whether trades are corrected and cancelled in this stream. */
  readonly #hasFixes: boolean
  #count = 0

  constructor(random: Random, startMs: number, shape: StreamShape) {
    this.#random = random
    this.nowMs = startMs
    this.#minuteMs = startMs - 172_800_000
    this.#shape = shape
    this.#hasFixes = chance(random, 0.6)
    // one stream in three is slow and of few symbols, so that its indicators come past their first bars
    const slow = chance(random, 0.35)
    this.#stepMs = shape.stepMs ?? (slow ? [200, 900] : [0, 120])
    this.#symbols = shape.symbols ?? (slow ? SYMBOLS.slice(0, integerBetween(random, 1, 3)) : SYMBOLS)
  }

  /** RFC 3339 around now: mostly in order, some late, some beyond the lateness, some in the future, many on the same stamp. */
  #stamp(): string {
    const random = this.#random
    const early = chance(random, 0.2)
    const shift = early ? integerBetween(random, -3_000, 0) : chance(random, 0.03) ? integerBetween(random, -9_000, 5_000) : 0
    const ms = chance(random, 0.3) ? Math.floor((this.nowMs + shift) / 250) * 250 : this.nowMs + shift
    const text = new Date(ms).toISOString()
    // the window's two edges, and what only its nanoseconds tell apart
    const edges = ['.999999999Z', 'Z', '.000000001Z'].map((fraction) => text.replace(/\.\d+Z/, fraction))
    return chance(random, 0.25) ? pick(random, [...edges, text.replace('Z', '999999Z')]) : text
  }

  record(channel: Channel): Made {
    const random = this.#random
    const jump = chance(random, 0.05)
    const [from, to] = !jump ? this.#stepMs : chance(random, 0.1) ? [60_000, 400_000] : [500, 4_000]
    this.nowMs += integerBetween(random, from, to)
    const made = channel === 'bars' ? this.#bars : this.#made
    if (made.length > 0 && chance(random, 0.08)) return pick(random, made.slice(-30))
    const good = { trades: () => this.#tradeOrFix(), quotes: () => this.#quote(), bars: () => this.#minuteBar() }[channel]
    const record = chance(random, 0.03) ? this.#bad() : good()
    made.push(record)
    return record
  }

  #symbol(): string {
    return pick(this.#random, this.#symbols)
  }

  #price(): number {
    const { exact } = this.#shape
    return exact ? integerBetween(this.#random, 6_000, 6_400) / 64 : integerBetween(this.#random, 9_900, 10_100) / 100
  }

  #size(): number {
    return pick(this.#random, this.#shape.exact ? [0, 1, 100, 250, 3] : [0, 1, 100, 0.00012345, 250, 3.7])
  }

  #conditions(): unknown {
    return pick(this.#random, [['@'], ['@', 'I'], [' ', 'F', 'T'], ['M'], ['B'], ['4'], undefined, null, 'R'])
  }

  /** Numbers and texts, past 2^53, on both sides of the 32 bytes that fit a row, and long ones that differ at their ends. */
  #id(): unknown {
    const count = ++this.#count
    const random = this.#random
    switch (integerBetween(random, 0, 8)) {
      case 0: return String(count)
      case 1: return raw(String(9_007_199_254_740_992n + BigInt(integerBetween(random, 0, 4))))
      case 2: return String(9_007_199_254_740_992n + BigInt(integerBetween(random, 0, 4)))
      case 3: return `${'x'.repeat(40)}-${count}`
      case 4: return String(count).padStart(integerBetween(random, 28, 35), '0')
      case 5: return pick(random, ['', 'é"\\\u0001', raw('1e3'), raw('1000.0')])
      default: return count
    }
  }

  #tradeOrFix(): Made {
    const random = this.#random
    const known = this.#trades.length > 0 ? pick(random, this.#trades.slice(-8)) : undefined
    if (this.#fixes.length > 0 && chance(random, 0.04)) return pick(random, this.#fixes.slice(-8))
    if (known !== undefined && this.#hasFixes && chance(random, 0.06)) {
      return this.#fix(cancelRecord({ t: this.#stamp(), S: known.symbol, i: known.id, x: known.x }))
    }
    if (known !== undefined && this.#hasFixes && chance(random, 0.06)) {
      const ci = chance(random, 0.3) ? known.id : chance(random, 0.2) ? pick(random, this.#trades).id : ++this.#count
      const z = pick(random, ['A', 'C', undefined])
      const corrected = { ci, cp: this.#price(), cs: this.#size(), cc: this.#conditions(), z }
      this.#trades.push({ ...known, id: ci })
      return this.#fix(correctionRecord({ t: this.#stamp(), S: known.symbol, oi: known.id, x: known.x, ...corrected }))
    }
    return this.#trade(known)
  }

  /** Kept, to come again. */
  #fix(fix: Made): Made {
    this.#fixes.push(fix)
    return fix
  }

  #trade(known: { symbol: string; id: unknown } | undefined): Made {
    const random = this.#random
    const id = chance(random, 0.1) && known !== undefined ? known.id : this.#id()
    const symbol = known !== undefined && chance(random, 0.3) ? known.symbol : this.#symbol()
    const trade = { symbol, id, x: pick(random, ['D', 'Q', '', undefined]) }
    this.#trades.push(trade)
    const tape = pick(random, ['A', 'B', 'C', 'O', 'Z', undefined])
    const payload = { i: id, x: trade.x, p: this.#price(), s: this.#size(), c: this.#conditions(), z: tape }
    return tradeRecord({ t: this.#stamp(), S: symbol, ...payload }, { feed: pick(random, ['sip', 'iex', undefined]) })
  }

  #quote(): Made {
    const random = this.#random
    const bid = this.#price()
    const tick = this.#shape.exact ? 1 / 64 : 0.01
    const ask = pick(random, [bid + tick, bid, 0])
    const values = { bp: pick(random, [bid, 0]), bs: pick(random, [0, 1, 12]), ap: ask, as: pick(random, [0, 3, 40]) }
    const seq = pick(random, [undefined, ++this.#count, 5, raw('9007199254740993'), raw('1.5')])
    // many quotes share a stamp; some come when their second is long over
    const again = this.#quotes.length > 0 && chance(random, 0.15)
    const { t, S } = again ? pick(random, this.#quotes.slice(-6)) : { t: this.#stamp(), S: this.#symbol() }
    this.#quotes.push({ t, S })
    return quoteRecord({ t, S, ...values }, { seq })
  }

  /** Mostly the next minute or the newest again, with other values or the same; now and then an older one, or a young provisional one. */
  #minuteBar(): Made {
    const random = this.#random
    if (chance(random, 0.5)) this.#minuteMs += pick(random, [60_000, 60_000, 60_000, 120_000, 600_000])
    const isYoung = chance(random, 0.15)
    const minuteMs = Math.floor((isYoung ? this.nowMs : this.#minuteMs) / 60_000) * 60_000
    const ms = minuteMs + pick(random, [0, 0, 0, 0, 30_000, 59_999, -60_000, 60_000])
    const [low, close] = [this.#price(), this.#price()]
    const volume = pick(random, [0, 100, 250, 1.5, 100])
    const values = { o: close, l: Math.min(low, close), h: Math.max(low, close), c: close, v: volume, n: pick(random, [0, 1, 2]) }
    const vw = pick(random, [close, close, low, 0, undefined])
    const isFinal = isYoung ? false : pick(random, [true, true, false, undefined])
    const payload = { t: new Date(ms).toISOString(), S: this.#symbol(), T: isYoung ? 'b' : pick(random, ['b', 'b', 'b', 'u']), ...values, vw }
    return minuteBarRecord(payload, { is_final: isFinal, feed: pick(random, ['sip', undefined]) })
  }

  #bad(): Made {
    const good = this.#tradeOrFix()
    const spoiled = [
      '{', '[]', '', '{"symbol":"AAPL"}', good.value.replace('"p":', '"pp":'), good.value.replace('"T":"t"', '"T":"s"'),
      good.value.replace('"p":1', '"p":-1'),
    ]
    if (chance(this.#random, 0.3)) return { key: pick(this.#random, [null, 'OTHER']), value: good.value }
    return { key: good.key, value: pick(this.#random, spoiled) }
  }
}
