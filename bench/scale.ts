/**
 * `pnpm bench:scale`: how the drain's rate and a record's cost go with symbols, partitions and workers, one varied at a time. Each
 * symbol has two trades and eight quotes a second of event time everywhere, so that a record means the same work.
 */
import type { LocalBroker } from '../src/demo/local-broker.ts'
import type { DataSet } from './data-set.ts'
import { drainWithEngine, prepareDataSet, type Drain } from './drain.ts'
import { concludeRun, type Comparable } from './measure/comparison.ts'
import { rounded } from './measure/latencies.ts'
import { machineNow, type Machine } from './measure/machine.ts'
import { readOptions, refuse, resultName, text, whole, wholes } from './options.ts'
import { runBench } from './run-bench.ts'

const { out, note, ...options } = readOptions({
  symbols: wholes(500, 2_000, 5_000, 10_000, 20_000), partitions: wholes(1, 4, 16), workers: wholes(1, 2, 4), records: whole(1_000_000),
  out: resultName('scale'), note: text(''),
})
const RECORDS_PER_SYMBOL_AND_SECOND = 10
const QUOTES_PER_TRADE = 4
/** What is not varied. Two workers: more than one task at a time, on any machine. */
const BASE: Point = { symbols: 500, partitions: 4, workers: 2 }
/** Many symbols in few records would be all first sights: each has this many seconds at the least. */
const SECONDS_MIN = 20
const TOLERANCES = { cost10000To500Symbols: 1.3, cost16To1Partitions: 1.4 }
/** A record of many symbols may cost so much more than one of few, whatever was committed. */
const LIMITS = { cost10000To500Symbols: 1.35 }

interface Point {
  symbols: number
  partitions: number
  workers: number
}

type Row = Point & Pick<Drain, 'inputs' | 'outputs' | 'recordsPerSecond' | 'liveRecordsPerSecond' | 'liveCpuPerRecordUs' | 'residentMb'>

/** bench/results/scale.json. */
export interface ScaleResult extends Comparable {
  note: string
  machine: Machine
  rows: Row[]
}

/** Each axis with the other two at the base; no point twice. */
function pointsOf({ symbols, partitions, workers }: Pick<typeof options, 'symbols' | 'partitions' | 'workers'>): Point[] {
  const all = [
    ...symbols.map((count) => ({ ...BASE, symbols: count })), ...partitions.map((count) => ({ ...BASE, partitions: count })),
    ...workers.map((count) => ({ ...BASE, workers: count })),
  ]
  return [...new Map(all.map((point) => [JSON.stringify(point), point])).values()]
}

const HEAD = ['symbols', 'partitions', 'workers', 'records', 'outputs', 'records/s', 'once live', 'µs CPU', 'MB']
const cells = (row: Row): string[] => [row.symbols, row.partitions, row.workers, row.inputs, row.outputs, row.recordsPerSecond, row.liveRecordsPerSecond,
  row.liveCpuPerRecordUs.toFixed(2), row.residentMb].map(String)
const line = (texts: string[]): string => texts.map((text) => text.padStart(11)).join('')

const points = pointsOf(options)
if (points.length === 0) refuse('there is nothing to measure: give one of --symbols, --partitions, --workers a number or more')

async function run(broker: LocalBroker): Promise<void> {
  const job = `scale-${Date.now() % 100_000}`
  const rows: Row[] = []
  const sets = new Map<string, DataSet>()
  console.log(line(HEAD))
  for (const [i, point] of points.entries()) {
    const { symbols, partitions, workers } = point
    const name = `${job}-${symbols}-${partitions}`
    const eventRate = symbols * RECORDS_PER_SYMBOL_AND_SECOND
    const records = Math.max(options.records, eventRate * SECONDS_MIN)
    const set = sets.get(name) ?? await prepareDataSet(broker, name, { records, symbols, eventRate, partitions, quotesPerTrade: QUOTES_PER_TRADE })
    sets.set(name, set)
    const drain = await drainWithEngine(broker, `${name}-${i}`, set, { TA_WORKERS: String(workers) })
    const { inputs, outputs, recordsPerSecond, liveRecordsPerSecond, liveCpuPerRecordUs, residentMb } = drain
    rows.push({ ...point, inputs, outputs, recordsPerSecond, liveRecordsPerSecond, liveCpuPerRecordUs, residentMb })
    console.log(line(cells(rows[rows.length - 1])))
  }
  const cost = (wanted: Partial<Point>): number | undefined =>
    rows.find((row) => Object.entries({ ...BASE, ...wanted }).every(([key, value]) => row[key as keyof Point] === value))?.liveCpuPerRecordUs
  const ratio = (one: number | undefined, other: number | undefined): number | null => (one === undefined || other === undefined ? null : rounded(one / other))
  const result: ScaleResult = {
    note, options, machine: machineNow(),
    ratios: {
      cost10000To500Symbols: ratio(cost({ symbols: 10_000 }), cost({ symbols: 500 })),
      cost16To1Partitions: ratio(cost({ partitions: 16 }), cost({ partitions: 1 })),
    },
    rows,
  }
  concludeRun(out, result, TOLERANCES, LIMITS)
}

await runBench(run)
