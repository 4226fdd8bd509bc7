/** Results as the tables of docs/performance.md. */
import { existsSync, readFileSync } from 'node:fs'
import type { Drain } from '../drain.ts'
import type { KernelsResult } from '../kernels.ts'
import type { LatencyResult } from '../latency.ts'
import type { RecoveryResult } from '../recovery.ts'
import type { ScaleResult } from '../scale.ts'
import type { ThroughputResult } from '../throughput.ts'
import type { LatencySummary } from './latencies.ts'
import { circumstances, headOf, ms, percent, row, whole } from './markdown.ts'
import { recoveryTable } from './recovery-table.ts'

/** Results by name; null where there is none. */
export interface Results {
  latency: LatencyResult | null
  /** A market in its first minutes. */
  'latency-50k': LatencyResult | null
  /** As many symbols as a whole market has. */
  'latency-10k': LatencyResult | null
  /** Long enough for growth to show. */
  soak: LatencyResult | null
  throughput: ThroughputResult | null
  /** Long enough for starting to weigh nothing. */
  'throughput-8m': ThroughputResult | null
  kernels: KernelsResult | null
  scale: ScaleResult | null
  recovery: RecoveryResult | null
}

/** What bench/results/ holds. */
export function readResults(): Results {
  const result = (name: keyof Results): unknown => {
    const file = new URL(`../results/${name}.json`, import.meta.url)
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null
  }
  return Object.fromEntries((Object.keys(TABLES) as (keyof Results)[]).map((name) => [name, result(name)])) as unknown as Results
}

const TABLES: { [Name in keyof Results]: (result: NonNullable<Results[Name]>, name: string) => string } = {
  latency: latencyTables, 'latency-50k': latencyTables, 'latency-10k': latencyTables, soak: soakTable,
  throughput: throughputTables, 'throughput-8m': throughputTables, kernels: kernelsTable, scale: scaleTable, recovery: recoveryTable,
}
const COMMANDS: Readonly<Record<keyof Results, string>> = {
  latency: 'pnpm bench', 'latency-50k': 'pnpm bench --rate 50000 --symbols 5000 --seconds 40 --out latency-50k',
  'latency-10k': 'pnpm bench --symbols 10000 --seconds 80 --out latency-10k', soak: 'pnpm bench --seconds 1200 --rounds 1 --out soak',
  throughput: 'pnpm bench:throughput', 'throughput-8m': 'pnpm bench:throughput --records 8000000 --rounds 1 --out throughput-8m',
  kernels: 'pnpm bench:kernels', scale: 'pnpm bench:scale', recovery: 'pnpm bench:recovery',
}

/** Puts each table between its marks, `<!-- table: NAME -->` and `<!-- end: NAME -->`. Throws when marks are missing. */
export function fillTables(document: string, results: Results): string {
  let text = document
  for (const name of Object.keys(TABLES) as (keyof Results)[]) {
    const [from, to] = [`<!-- table: ${name} -->`, `<!-- end: ${name} -->`]
    const [start, end] = [text.indexOf(from), text.indexOf(to)]
    if (start < 0 || end < start) throw new Error(`docs/performance.md has no marks ${from} and ${to}`)
    text = `${text.slice(0, start + from.length)}\n\n${tableOf(name, results)}\n\n${text.slice(end)}`
  }
  return text
}

function tableOf<Name extends keyof Results>(name: Name, results: Results): string {
  const result = results[name]
  if (result === null) return `Not measured yet: \`${COMMANDS[name]}\`.`
  return (TABLES[name] as (value: NonNullable<Results[Name]>, name: string) => string)(result, name)
}

function latencyTables(result: LatencyResult, name: string): string {
  const latency = (what: string, { count, p50, p90, p99, p999, max }: LatencySummary): string => row(what, whole(count), ms(p50), ms(p90), ms(p99), ms(p999), ms(max))
  const each = (pick: (figures: LatencyResult['engine'][number], round: number) => string): string => result.engine.map(pick).join('; ')
  const stages = Object.keys(result.engine[0].stages)
  return [
    circumstances(result), '', `![Latency by percentile](../bench/results/${name}.svg)`, '',
    ...headOf('ms', 'n', 'p50', 'p90', 'p99', 'p99.9', 'max'),
    latency('window end → provisional bar', result.provisional),
    latency('window end → provisional signal', result.provisionalSignals),
    latency('window end → final bar', result.finalFromWindowEnd),
    latency('watermark → final bar', result.final),
    latency('watermark → final signal', result.finalSignals),
    latency('trade appended → first bar that has it', result.freshness),
    latency('null transaction', result.nullTransaction),
    '',
    ...headOf('of each round', 'value'),
    row('first provisional bars that their final changed, of all rounds', percent(result.shareOfWindowsChanged)),
    row('transactions a second', each(({ transactionsPerSecond }) => transactionsPerSecond.toFixed(1))),
    row('CPU of the engine: share of a core, µs a record', each(({ engineCpuShare, engineCpuPerRecordUs }) => `${percent(engineCpuShare)}, ${engineCpuPerRecordUs.toFixed(1)}`)),
    row('CPU of the broker: share of a core (with null transactions in the engine\'s place)',
      each(({ brokerCpuShare }, round) => `${percent(brokerCpuShare)} (${percent(result.nullTransactions[round].brokerCpuShare)})`)),
    row('memory, MB', each(({ residentMb }) => String(residentMb))),
    row('main event loop\'s delay, p99 and max, ms', each(({ eventLoopDelayMs }) => `${eventLoopDelayMs.p99.toFixed(1)}, ${eventLoopDelayMs.max.toFixed(1)}`)),
    row('GC pauses of the main thread: number, mean ms', each(({ gc }) => `${gc.pauses}, ${gc.meanMs.toFixed(2)}`)),
    ...stages.map((stage) => row(`stage ${stage}, mean ms`, each(({ stages: of }) => of[stage].meanMs.toFixed(2)))),
  ].join('\n')
}

/** What would grow with time: one line for each part of it. */
function soakTable(result: LatencyResult): string {
  const [{ growth }] = result.engine
  const [quarters] = result.provisionalP99ByQuarter
  return [
    circumstances(result), '',
    `Provisional bars: p50 ${ms(result.provisional.p50)}, p99 ${ms(result.provisional.p99)} ms; p99 in quarters of the time: ${quarters.map(ms).join(', ')} ms.`, '',
    ...headOf('tenth of the time', ...growth.residentMb.map((_, tenth) => String(tenth + 1))),
    row('memory of the process, MB', ...growth.residentMb), row('heap of its main thread, MB', ...growth.heapUsedMb),
  ].join('\n')
}

function throughputTables(result: ThroughputResult): string {
  const drain = (name: string, of: Drain): string => row(name, whole(of.inputs), whole(of.outputs), whole(of.recordsPerSecond), whole(of.liveRecordsPerSecond),
    of.liveCpuPerRecordUs.toFixed(2), of.cpuSeconds.toFixed(1), of.brokerCpuSeconds.toFixed(1), of.residentMb)
  const rows = Object.entries(result.drains).flatMap(([density, { inputsPerOutput, engine, raw }]) => engine.flatMap((of, round) => [
    drain(`${density} (${inputsPerOutput.toFixed(0)} inputs an output), round ${round + 1}, engine`, of), drain(`${density}, round ${round + 1}, raw`, raw[round]),
  ]))
  return [
    circumstances(result), '',
    ...headOf('drain', 'inputs', 'outputs', 'records/s', 'once live', 'µs CPU a record', 'CPU s', 'broker CPU s', 'MB'), ...rows, '',
    `CPU = ${result.cost.perInputUs.toFixed(2)} µs · inputs + ${result.cost.perOutputUs.toFixed(2)} µs · outputs.`,
  ].join('\n')
}

function kernelsTable(result: KernelsResult): string {
  const figure = (ns: number): string => ns.toFixed(ns < 100 ? 1 : 0)
  return [
    circumstances(result), '',
    ...headOf('in WebAssembly', 'ns', 'beside it', 'ns', 'times as fast'),
    ...result.lines.map(({ name, ns, against, againstNs, ratio }) => row(name, figure(ns), against ?? '–', againstNs === undefined ? '–' : figure(againstNs),
      ratio === undefined ? '–' : (1 / ratio).toFixed(1))),
  ].join('\n')
}

function scaleTable(result: ScaleResult): string {
  return [
    circumstances(result), '',
    ...headOf('symbols', 'partitions', 'workers', 'inputs', 'outputs', 'records/s', 'once live', 'µs CPU a record', 'MB'),
    ...result.rows.map((of) => row(whole(of.symbols), of.partitions, of.workers, whole(of.inputs), whole(of.outputs), whole(of.recordsPerSecond),
      whole(of.liveRecordsPerSecond), of.liveCpuPerRecordUs.toFixed(2), of.residentMb)),
  ].join('\n')
}
