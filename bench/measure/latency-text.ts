/** A latency result as lines for a terminal. */
import type { LatencyResult } from '../latency.ts'
import type { LatencySummary } from './latencies.ts'

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
const ms = (value: number | null): string => (value === null ? '–' : value.toFixed(1))
const cells = (name: string, ...values: string[]): string => `${name.padEnd(44)}${values.map((value) => value.padStart(9)).join('')}`
const row = (name: string, { count, p50, p90, p99, p999, max }: LatencySummary): string => cells(name, String(count), ms(p50), ms(p90), ms(p99), ms(p999), ms(max))

/** Percentiles first, then what each round took. */
export function describeLatency(result: LatencyResult): string[] {
  return [
    cells('ms', 'n', 'p50', 'p90', 'p99', 'p99.9', 'max'),
    row('window end → provisional bar, its first', result.provisional),
    row('window end → provisional bar, all', result.provisionalAll),
    row('window end → provisional signal, its first', result.provisionalSignals),
    row('window end → final bar', result.finalFromWindowEnd),
    row('watermark → final bar', result.final),
    row('watermark → final signal', result.finalSignals),
    row('trade appended → first bar that has it', result.freshness),
    row('null transaction, due → received', result.nullTransaction),
    '',
    `provisional bars that their final changed: ${percent(result.shareOfWindowsChanged)} of the first of their window, `
      + `${percent(result.shareOfProvisionalsChanged)} of all`,
    ...result.engine.flatMap((_, round) => describeRound(result, round)),
  ]
}

function describeRound(result: LatencyResult, round: number): string[] {
  const { [round]: of } = result.engine
  const threads = Object.entries(of.engineCpuShareByThread).filter(([, share]) => share >= 0.001).sort(([, a], [, b]) => b - a)
  return [
    '',
    `round ${round + 1}: ${of.records} records in ${of.seconds.toFixed(1)} s, ${of.transactionsPerSecond.toFixed(1)} transactions/s`,
    `  engine: ${percent(of.engineCpuShare)} of a core, ${of.engineCpuPerRecordUs.toFixed(1)} µs CPU a record`,
    `  broker: ${percent(of.brokerCpuShare)} of a core, ${of.brokerCpuPerRecordUs.toFixed(1)} µs CPU a record; `
      + `${percent(result.nullTransactions[round].brokerCpuShare)} with null transactions in the engine's place`,
    `  threads: ${threads.map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`,
    `  memory: ${of.residentMb} MB at most; in tenths ${of.growth.residentMb.join(' ')}, main heap ${of.growth.heapUsedMb.join(' ')}`,
    `  main thread: event loop delay p99 ${ms(of.eventLoopDelayMs.p99)}, max ${ms(of.eventLoopDelayMs.max)} ms; `
      + `${of.gc.pauses} GC pauses of ${of.gc.meanMs.toFixed(2)} ms`,
    `  stages, mean ms (p99 at most): ${Object.entries(of.stages).map(([stage, { meanMs, p99AtMostMs }]) => `${stage} ${meanMs.toFixed(2)} (${p99AtMostMs})`).join(', ')}`,
    `  provisional p99 in quarters: ${result.provisionalP99ByQuarter[round].map(ms).join(', ')} ms`,
  ]
}
