/**
 * What others offer for the same indicators, over one stream of closes, each by its fastest way: npm's `technicalindicators`
 * and `trading-signals` by a call a bar, `indicatorts` (which has nothing else) and TA-Lib over the whole stream at once; and what a live stream asks of
 * `indicatorts`, which is all arrays: at each bar those of the bars before it once more.
 * A peer without an indicator is left out of that line; none has both VWAPs.
 */
import { spawnSync } from 'node:child_process'
import { bb, ema, macd, mstd, rsi, vwap } from 'indicatorts'
import technicalindicators from 'technicalindicators'
import * as signals from 'trading-signals'

export type IndicatorName = 'ema' | 'macd' | 'rsi' | 'bollinger' | 'volatility' | 'session VWAP' | '5-minute VWAP' | 'set'

/** Runs an indicator over all closes from its beginning; the result keeps the work from being left out. */
export type PeerRun = (closes: number[]) => unknown

/** Of each bar: what a bar's volume is makes no difference to what it costs. */
export const VOLUME = 100
const PERIODS = { values: [] as number[] }
const MACD_PERIODS = { ...PERIODS, fastPeriod: 12, slowPeriod: 26, signalPeriod: 9, SimpleMAOscillator: false, SimpleMASignal: false }

const logReturns = (closes: number[]): number[] => {
  const returns = new Array<number>(closes.length - 1)
  for (let i = 1; i < closes.length; i++) returns[i - 1] = Math.log(closes[i] / closes[i - 1])
  return returns
}

const volumesOf = (closes: number[]): number[] => new Array<number>(closes.length).fill(VOLUME)

const byCall = (makers: (() => (close: number) => unknown)[]): PeerRun => (closes) => {
  const steps = makers.map((make) => make())
  let last: unknown
  for (const step of steps) for (const close of closes) last = step(close)
  return last
}

const technical = technicalindicators
const technicalOf = {
  ema12: () => { const a = new technical.EMA({ ...PERIODS, period: 12 }); return (close: number) => a.nextValue(close) },
  ema26: () => { const a = new technical.EMA({ ...PERIODS, period: 26 }); return (close: number) => a.nextValue(close) },
  macd: () => { const a = new technical.MACD(MACD_PERIODS); return (close: number) => a.nextValue(close) },
  rsi: () => { const a = new technical.RSI({ ...PERIODS, period: 14 }); return (close: number) => a.nextValue(close) },
  bollinger: () => { const a = new technical.BollingerBands({ ...PERIODS, period: 20, stdDev: 2 }); return (close: number) => a.nextValue(close) },
  volatility: () => {
    const a = new technical.SD({ ...PERIODS, period: 60 })
    let last = 0
    return (close: number) => {
      const result = last === 0 ? undefined : a.nextValue(Math.log(close / last))
      last = close
      return result
    }
  },
  sessionVwap: () => {
    const a = new technical.VWAP({ high: [], low: [], close: [], volume: [] })
    return (close: number) => a.nextValue({ high: close, low: close, close, volume: VOLUME })
  },
}

const signalsOf = {
  ema12: () => { const a = new signals.EMA(12); return (close: number) => a.update(close, false) },
  ema26: () => { const a = new signals.EMA(26); return (close: number) => a.update(close, false) },
  macd: () => { const a = new signals.MACD(new signals.EMA(12), new signals.EMA(26), new signals.EMA(9)); return (close: number) => a.update(close, false) },
  rsi: () => { const a = new signals.RSI(14, signals.WSMA); return (close: number) => a.update(close, false) },
  bollinger: () => { const a = new signals.BollingerBands(20, 2); return (close: number) => a.update(close, false) },
  sessionVwap: () => { const a = new signals.VWAP(); return (close: number) => a.update({ high: close, low: close, close, volume: VOLUME }, false) },
}

const arraysSet: PeerRun = (closes) => [
  ema(closes, { period: 12 }), ema(closes, { period: 26 }), macd(closes, { fast: 12, slow: 26, signal: 9 }), rsi(closes, { period: 14 }),
  bb(closes, { period: 20 }), mstd(logReturns(closes), { period: 60 }), vwap(closes, volumesOf(closes), { period: 300 }),
]
/** Bars that a bar's values depend on where nothing is kept from call to call: five minutes of seconds. */
const HISTORY = 299

/** Runs of each npm library, by indicator. */
export const NPM_PEERS: Record<string, Partial<Record<IndicatorName, PeerRun>>> = {
  technicalindicators: {
    ema: byCall([technicalOf.ema12, technicalOf.ema26]),
    macd: byCall([technicalOf.macd]),
    rsi: byCall([technicalOf.rsi]),
    bollinger: byCall([technicalOf.bollinger]),
    volatility: byCall([technicalOf.volatility]),
    'session VWAP': byCall([technicalOf.sessionVwap]),
    set: byCall(Object.values(technicalOf)),
  },
  'trading-signals': {
    ema: byCall([signalsOf.ema12, signalsOf.ema26]),
    macd: byCall([signalsOf.macd]),
    rsi: byCall([signalsOf.rsi]),
    bollinger: byCall([signalsOf.bollinger]),
    'session VWAP': byCall([signalsOf.sessionVwap]),
    set: byCall(Object.values(signalsOf)),
  },
  indicatorts: {
    ema: (closes) => [ema(closes, { period: 12 }), ema(closes, { period: 26 })],
    macd: (closes) => macd(closes, { fast: 12, slow: 26, signal: 9 }),
    rsi: (closes) => rsi(closes, { period: 14 }),
    bollinger: (closes) => bb(closes, { period: 20 }),
    volatility: (closes) => mstd(logReturns(closes), { period: 60 }),
    '5-minute VWAP': (closes) => vwap(closes, volumesOf(closes), { period: 300 }),
    set: arraysSet,
  },
  'indicatorts, a call a bar': { set: (closes) => closes.map((_, bar) => arraysSet(closes.slice(Math.max(bar - HISTORY, 0), bar + 1))) },
}

const TALIB_PROGRAM = `
import json, sys, time
import numpy, talib
closes = numpy.array(json.load(sys.stdin), dtype=float)
returns = lambda: numpy.diff(numpy.log(closes))
runs = {
  'ema': lambda: (talib.EMA(closes, 12), talib.EMA(closes, 26)),
  'macd': lambda: talib.MACD(closes, 12, 26, 9),
  'rsi': lambda: talib.RSI(closes, 14),
  'bollinger': lambda: talib.BBANDS(closes, 20, 2, 2),
  'volatility': lambda: talib.STDDEV(returns(), 60),
}
runs['set'] = lambda: [run() for name, run in list(runs.items()) if name != 'set']
result = {}
for name, run in list(runs.items()):
  best = None
  for _ in range(15):
    started = time.perf_counter_ns()
    run()
    took = time.perf_counter_ns() - started
    best = took if best is None else min(best, took)
  result[name] = best / len(closes)
print(json.dumps(result))
`

/** ns a bar of TA-Lib through Python (numpy arrays at once; best of 15), or why there are none. `python`: one that can import talib. */
export function talibTimes(python: string, closes: number[]): Partial<Record<IndicatorName, number>> | string {
  const { status, stdout, stderr, error } = spawnSync(python, ['-c', TALIB_PROGRAM], { input: JSON.stringify(closes), encoding: 'utf8', timeout: 120_000 })
  if (error) return `${python} can't be run (${error.message})`
  if (status !== 0) return stderr.trim().split('\n').at(-1) ?? `${python} ended with ${status}`
  return JSON.parse(stdout) as Partial<Record<IndicatorName, number>>
}
