/**
 * `npm run bench:kernels`: what a record, an output, an indicator and a number cost in the kernel, beside what the same costs in
 * JSON.parse, JSON.stringify and other indicator libraries, in one run. ns each: the best sample, as the work is always the same
 * and whatever else the machine does only adds to it.
 * Writes bench/results/kernels.json; exit code 1 when a ratio got worse by more than a quarter against it as last committed.
 * Options: --rounds 3 --time 300 (ms a part and round) --symbols 200 --only WORD (parts with it; nothing is written) --python PATH (for TA-Lib) --note TEXT.
 */
import { Bench } from 'tinybench'
import type { RecordColumns } from '../src/ports/log.ts'
import { INPUT, STATE_BASE } from '../src/state/layout.ts'
import { copyOutputs } from '../src/state/kernel.ts'
import { seeded } from '../test/fixtures/random.ts'
import { NPM_PEERS, VOLUME, talibTimes } from './indicator-peers.ts'
import type { IndicatorName } from './indicator-peers.ts'
import { openParts } from './kernel-parts.ts'
import { BARS, BenchTask, QUOTES, SETTINGS, TRADES, assertAllApplied } from './kernel-task.ts'
import { concludeRun, type Comparable } from './measure/comparison.ts'
import { machineNow, type Machine } from './measure/machine.ts'
import { readOptions, refuse, text, whole } from './options.ts'

const options = readOptions({
  rounds: whole(3), time: whole(300), symbols: whole(200), only: text(''), note: text(''), python: text(process.env.TALIB_PYTHON ?? 'python3'),
})

/** A tenth of a millisecond of work a sample: short enough to find a quiet moment on a busy machine. */
const RECORDS = 400
const RECORDS_PER_SECOND = 2_000
/** Records of a batch in the live path at 5,000 records a second and a step every 5 ms; `restore` has used the caches before it. */
const LIVE_RECORDS = 25
const CLOSES = 2_000
const NUMBERS = 1_000
const NUMBERS_KEPT = 200 * NUMBERS
/** A ratio may be worse than the committed one by this factor. */
const WORSE = 1.25

/** One line of the result: what it took, and what the same takes otherwise. */
export interface Line {
  name: string
  ns: number
  against?: string
  againstNs?: number
  /** ns / againstNs. */
  ratio?: number
}

/** bench/results/kernels.json. */
export interface KernelsResult extends Comparable {
  note: string
  machine: Machine
  lines: Line[]
}

interface Part {
  name: string
  /** Things done in one call of `run`: the figure is a thing's. */
  count: number
  run: () => unknown
  before?: () => void
}

/** ns a thing for each part: the best sample of all rounds. */
async function measure(parts: Part[]): Promise<Map<string, number>> {
  const best = new Map<string, number>()
  const wanted = parts.filter((part) => part.name.includes(options.only))
  if (wanted.length === 0) {
    refuse(`no part has ${options.only} in its name; they are ${parts.map(({ name }) => name).join('; ')}`)
  }
  for (let round = 0; round < options.rounds; round++) {
    const bench = new Bench({ time: options.time, warmupTime: 50, iterations: 5, warmupIterations: 5 })
    for (const { name, run, before } of wanted) bench.add(name, run, { async: false, ...(before && { beforeEach: before }) })
    await bench.run()
    for (const { name, count } of wanted) {
      const { result } = bench.tasks.find((task) => task.name === name) ?? {}
      if (result?.state !== 'completed') throw new Error(`${name}: ${result && 'error' in result ? result.error.message : 'not measured'}`)
      const ns = (result.latency.min * 1e6) / count
      best.set(name, Math.min(ns, best.get(name) ?? Number.POSITIVE_INFINITY))
    }
  }
  return best
}

const textsOf = (records: RecordColumns): Buffer[] =>
  Array.from({ length: records.count }, (_, i) => Buffer.from(records.values.subarray(i === 0 ? 0 : records.valueEnds[i - 1], records.valueEnds[i])))

function parseAll(texts: Buffer[]): unknown {
  let last: unknown
  for (const text of texts) last = JSON.parse(text.toString('utf8'))
  return last
}

/** The outputs of the epoch that the task has just closed, as objects. */
function outputObjects(task: BenchTask): unknown[] {
  const { values, valueEnds } = copyOutputs(task.kernel.task)
  const text = Buffer.from(values)
  return Array.from(valueEnds, (end, i) => JSON.parse(text.toString('utf8', i === 0 ? 0 : valueEnds[i - 1], end)))
}

/** Records: decode, apply, the whole way, close; and the same through JSON.parse and JSON.stringify. */
function recordParts(): Part[] {
  const task = new BenchTask(options.symbols, RECORDS_PER_SECOND)
  task.keep()
  const mixed = task.market.next(RECORDS)
  const applyMixed = (): void => {
    task.run(TRADES, mixed.trades)
    task.run(QUOTES, mixed.quotes)
  }
  applyMixed()
  assertAllApplied(task)
  const outputs = task.close()
  const objects = outputObjects(task)
  const { trades } = task.market.next(RECORDS, 'trades')
  const { quotes } = task.market.next(RECORDS, 'quotes')
  const { trades: bars } = task.market.next(RECORDS, 'bars')
  const mixedTexts = [...textsOf(mixed.trades), ...textsOf(mixed.quotes)]
  const parts: Part[] = [
    { name: 'load, decode and apply a record', count: RECORDS, before: () => task.restore(), run: applyMixed },
    { name: 'JSON.parse a record', count: RECORDS, run: () => parseAll(mixedTexts) },
    { name: 'close, an output', count: outputs, before: () => { task.restore(); applyMixed() }, run: () => task.close() },
    { name: 'JSON.stringify an output', count: objects.length, run: () => { for (const object of objects) JSON.stringify(object) } },
  ]
  for (const [kind, topic, records] of [['trade', TRADES, trades], ['quote', QUOTES, quotes], ['minute bar', BARS, bars]] as const) {
    const texts = textsOf(records)
    const load = (): void => { task.restore(); task.load(records) }
    parts.push({ name: `decode a ${kind}`, count: RECORDS, before: load, run: () => task.decode(topic, records) })
    parts.push({ name: `JSON.parse a ${kind}`, count: RECORDS, run: () => parseAll(texts) })
    if (topic === BARS) continue
    const before = (): void => { load(); task.decode(topic, records) }
    parts.push({ name: `apply a ${kind}`, count: RECORDS, before, run: () => task.kernel.apply(RECORDS) })
    const few = { ...records, count: LIVE_RECORDS }
    const liveLoad = (): void => { task.load(few); task.restore() }
    parts.push({ name: `decode a ${kind} of a live batch`, count: LIVE_RECORDS, before: liveLoad, run: () => task.decode(topic, few) })
    const liveBefore = (): void => { liveLoad(); task.decode(topic, few) }
    parts.push({ name: `apply a ${kind} of a live batch`, count: LIVE_RECORDS, before: liveBefore, run: () => task.kernel.apply(LIVE_RECORDS) })
  }
  return parts
}

/** Numbers as text, and the input hash. */
function textParts({ parts, task }: Opened): Part[] {
  const random = seeded(11)
  const prices = Array.from({ length: NUMBERS_KEPT }, () => Math.round(random() * 5_000_000) / 100)
  const long = prices.map((price) => price / 3)
  const from = INPUT.at.values
  // always others: V8 keeps the texts of the last numbers
  let at = 0
  const next = (): void => void (at = (at + NUMBERS) % NUMBERS_KEPT)
  const write = (numbers: number[]): Pick<Part, 'count' | 'before' | 'run'> => ({
    count: NUMBERS,
    before: () => { next(); new Float64Array(task.memory.buffer, from, NUMBERS).set(numbers.slice(at, at + NUMBERS)) },
    run: () => parts.writeNumbers(from, NUMBERS, from + 8 * NUMBERS),
  })
  const kibibytes = 256
  return [
    { name: 'write a price', ...write(prices) },
    { name: 'String of a price', count: NUMBERS, before: next, run: () => stringifyAll(prices, at) },
    { name: 'write a long number', ...write(long) },
    { name: 'String of a long number', count: NUMBERS, before: next, run: () => stringifyAll(long, at) },
    { name: 'hash 1 KiB', count: kibibytes, run: () => parts.xxh64(from, kibibytes * 1024, 0n) },
  ]
}

function stringifyAll(numbers: number[], from: number): number {
  let length = 0
  for (let i = from; i < from + NUMBERS; i++) length += String(numbers[i]).length
  return length
}

type Opened = Awaited<ReturnType<typeof openParts>>

/** Each indicator here, stepped by a call a bar, and in the npm libraries. */
function indicatorParts({ parts, task }: Opened, closes: number[]): Part[] {
  const row = 1
  const startOf = (bar: number): number => 1_748_872_800 + bar
  const steps: Record<IndicatorName, (close: number, bar: number) => number> = {
    ema: (close) => parts.nextEma(row, close),
    macd: (close) => parts.nextEma(row, close),
    rsi: (close) => parts.nextRsi(row, close),
    bollinger: (close) => parts.nextBollinger(row, close),
    volatility: (close) => parts.nextVolatility(row, close),
    'session VWAP': (close, bar) => parts.nextSessionVwap(row, startOf(bar), close * VOLUME, VOLUME),
    '5-minute VWAP': (close, bar) => parts.nextSlidingVwap(row, startOf(bar), close * VOLUME, VOLUME),
    set: (close, bar) => parts.nextSet(row, startOf(bar), close, close * VOLUME, VOLUME),
  }
  const clean = task.bytes().slice(STATE_BASE, task.number('stateEnd'))
  return Object.entries(steps).flatMap(([name, step]) => [
    {
      name: `${name}: kernel`, count: closes.length, before: () => task.bytes().set(clean, STATE_BASE),
      run: () => { for (let bar = 0; bar < closes.length; bar++) step(closes[bar], bar) },
    },
    ...Object.entries(NPM_PEERS).flatMap(([library, peers]) => {
      const peer = peers[name as IndicatorName]
      return peer === undefined ? [] : [{ name: `${name}: ${library}`, count: closes.length, run: () => peer(closes) }]
    }),
  ])
}

/** What each part is held against. */
const AGAINST: Record<string, string> = {
  'load, decode and apply a record': 'JSON.parse a record',
  'decode a trade': 'JSON.parse a trade',
  'decode a quote': 'JSON.parse a quote',
  'decode a minute bar': 'JSON.parse a minute bar',
  'apply a trade': 'JSON.parse a trade',
  'apply a quote': 'JSON.parse a quote',
  'decode a trade of a live batch': 'JSON.parse a trade',
  'decode a quote of a live batch': 'JSON.parse a quote',
  'apply a trade of a live batch': 'JSON.parse a trade',
  'apply a quote of a live batch': 'JSON.parse a quote',
  'close, an output': 'JSON.stringify an output',
  'write a price': 'String of a price',
  'write a long number': 'String of a long number',
}

function linesOf(times: Map<string, number>, talib: Partial<Record<string, number>>): Line[] {
  const rounded = (ns: number): number => Number(ns.toPrecision(4))
  const lines: Line[] = []
  for (const [name, ns] of times) {
    if (Object.values(AGAINST).includes(name)) continue
    const indicator = name.endsWith(': kernel') ? name.slice(0, -': kernel'.length) : undefined
    const others = indicator === undefined ? [[AGAINST[name], times.get(AGAINST[name])] as const]
      : [...[...times].filter(([other]) => other.startsWith(`${indicator}: `) && other !== name), [`${indicator}: TA-Lib through Python`, talib[indicator]] as const]
    if (name.includes(': ') && indicator === undefined) continue
    for (const [against, againstNs] of others) {
      if (againstNs === undefined || against === undefined) {
        if (indicator === undefined) lines.push({ name, ns: rounded(ns) })
        continue
      }
      lines.push({ name, ns: rounded(ns), against, againstNs: rounded(againstNs), ratio: rounded(ns / againstNs) })
    }
  }
  return lines
}

const nameOf = ({ name, against }: Line): string => `${name} / ${against}`
/** What is judged. TA-Lib's machine-made loops are shown, not held to. */
const isJudged = ({ against }: Line): boolean => against !== undefined && !against.endsWith('TA-Lib through Python')

const opened = await openParts(SETTINGS)
const random = seeded(3)
let price = 126.5
const closes = Array.from({ length: CLOSES }, () => (price = Math.max(1, Math.round((price + random() - 0.5) * 100) / 100)))
const times = await measure([...recordParts(), ...textParts(opened), ...indicatorParts(opened, closes)])
const talib = options.only === '' ? talibTimes(options.python, closes) : {}
if (typeof talib === 'string') console.error(`TA-Lib was left out: ${talib}. Give a Python that has it with --python or TALIB_PYTHON.`)
const lines = linesOf(times, typeof talib === 'string' ? {} : talib)
console.table(lines)
if (options.only === '') {
  const { rounds, time, symbols, note } = options
  const ratios = Object.fromEntries(lines.filter(isJudged).map((line) => [nameOf(line), line.ratio ?? null]))
  const result: KernelsResult = { note, options: { rounds, time, symbols }, machine: machineNow(), ratios, lines }
  concludeRun('kernels', result, Object.fromEntries(Object.keys(ratios).map((name) => [name, WORSE])))
}
