/**
 * `pnpm bench:throughput`: how fast old data is caught up, and what a record costs. Two data sets of different density lie on the
 * broker; the engine and a job that computes nothing drain each in turn. CPU from live to the last commit gives cost as
 * a·inputs + b·outputs: two runs, two equations.
 */
import type { LocalBroker } from '../src/demo/local-broker.ts'
import type { DataSet } from './data-set.ts'
import { drainRaw, drainWithEngine, prepareDataSet, type Drain } from './drain.ts'
import { concludeRun, type Comparable } from './measure/comparison.ts'
import { rounded } from './measure/latencies.ts'
import { machineNow, type Machine } from './measure/machine.ts'
import { solveCost } from './measure/slopes.ts'
import { readOptions, resultName, text, whole, wholeOrDefault } from './options.ts'
import { runBench } from './run-bench.ts'

const { out, note, ...options } = readOptions({
  records: whole(2_000_000), symbols: whole(500), partitions: whole(4), workers: wholeOrDefault(), rounds: whole(2), out: resultName('throughput'), note: text(''),
})
const QUOTES_PER_TRADE = 4
/** Records a second and symbol: with two trades, 0.86 of the seconds have a bar, 6 inputs an output; with twenty-four all have, 60. */
const DENSITIES = { dense: 10, sparse: 120 } as const
type Density = keyof typeof DENSITIES
const TOLERANCES = { rawToEngineRate: 1.3, cpuPerInputToRaw: 1.4 }

/** bench/results/throughput.json. */
export interface ThroughputResult extends Comparable {
  note: string
  machine: Machine
  /** From the rounds with the least CPU: what else runs on a machine only adds. */
  cost: { perInputUs: number; perOutputUs: number }
  drains: Record<Density, { inputsPerOutput: number; engine: Drain[]; raw: Drain[] }>
}

function print(name: string, { inputs, outputs, seconds, liveSeconds, recordsPerSecond, liveRecordsPerSecond, liveCpuPerRecordUs, cpuSeconds, brokerCpuSeconds, residentMb }: Drain): void {
  console.log(`${name}: ${inputs} in, ${outputs} out; ${recordsPerSecond} records/s with start-up (${seconds.toFixed(1)} s), ${liveRecordsPerSecond} without (${liveSeconds.toFixed(1)} s); `
    + `CPU ${liveCpuPerRecordUs.toFixed(2)} µs a record, ${cpuSeconds.toFixed(1)} s in all, broker ${brokerCpuSeconds.toFixed(1)} s; ${residentMb} MB`)
}

const least = (drains: Drain[]): Drain => drains.reduce((best, drain) => (drain.liveCpuSeconds < best.liveCpuSeconds ? drain : best))
const fastest = (drains: Drain[]): Drain => drains.reduce((best, drain) => (drain.seconds < best.seconds ? drain : best))

async function run(broker: LocalBroker): Promise<void> {
  const job = `drain-${Date.now() % 100_000}`
  const sets = {} as Record<Density, DataSet>
  const drains = {} as ThroughputResult['drains']
  for (const density of Object.keys(DENSITIES) as Density[]) {
    console.error(`putting ${options.records} records on the broker (${density})`)
    sets[density] = await prepareDataSet(broker, `${job}-${density}`, {
      records: options.records, symbols: options.symbols, eventRate: DENSITIES[density] * options.symbols, partitions: options.partitions, quotesPerTrade: QUOTES_PER_TRADE,
    })
    drains[density] = { inputsPerOutput: 0, engine: [], raw: [] }
  }
  for (let round = 0; round < options.rounds; round++) {
    for (const density of Object.keys(DENSITIES) as Density[]) {
      const name = `${job}-${density}-${round}`
      const engine = await drainWithEngine(broker, `${name}-engine`, sets[density], options.workers === 'default' ? {} : { TA_WORKERS: String(options.workers) })
      print(`${density} ${round + 1}, engine`, engine)
      const raw = await drainRaw(broker, `${name}-raw`, sets[density])
      print(`${density} ${round + 1}, raw   `, raw)
      drains[density].engine.push(engine)
      drains[density].raw.push(raw)
      drains[density].inputsPerOutput = rounded(engine.inputs / engine.outputs)
    }
  }
  conclude(drains)
}

function conclude(drains: ThroughputResult['drains']): void {
  const costOf = (who: 'engine' | 'raw'): { perInputUs: number; perOutputUs: number } => {
    const cost = ({ inputs, outputs, liveCpuSeconds }: Drain) => ({ inputs, outputs, seconds: liveCpuSeconds })
    const { perInputUs, perOutputUs } = solveCost(cost(least(drains.dense[who])), cost(least(drains.sparse[who])))
    return { perInputUs: rounded(perInputUs), perOutputUs: rounded(perOutputUs) }
  }
  const [cost, raw] = [costOf('engine'), costOf('raw')]
  const said = ({ perInputUs, perOutputUs }: typeof cost): string => `${perInputUs.toFixed(2)} µs an input + ${perOutputUs.toFixed(2)} µs an output`
  console.log(`\nCPU of the engine: ${said(cost)}; raw: ${said(raw)}`)
  const share = fastest(drains.dense.engine).recordsPerSecond / fastest(drains.dense.raw).recordsPerSecond
  console.log(`dense: ${fastest(drains.dense.engine).recordsPerSecond} records/s, ${share.toFixed(2)} of the raw limit`)
  const result: ThroughputResult = {
    note, options, machine: machineNow(),
    ratios: { rawToEngineRate: rounded(1 / share), cpuPerInputToRaw: rounded(cost.perInputUs / raw.perInputUs) },
    cost, drains,
  }
  concludeRun(out, result, TOLERANCES)
}

await runBench(run)
