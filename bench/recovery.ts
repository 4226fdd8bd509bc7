/**
 * `pnpm bench:recovery`: kill −9 to the first new committed record, the same instance back at once and another instance taking over;
 * the parts of each; snapshot time and size; and what snapshots cost a commit and a provisional bar. The broker waits 3 s before a new
 * group's first rebalance, as in production. Feed, engines and reader are each a process of their own, and over all the kills what
 * the reader got is checked against what was fed before any figure is believed.
 */
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { SESSION_TIMEOUT_MS } from '../src/kafka/kafka-config.ts'
import { measureKills, type SnapshotFigures } from './kills.ts'
import { concludeRun, type Comparable } from './measure/comparison.ts'
import { machineNow, type Machine } from './measure/machine.ts'
import { recoveryRatios } from './measure/recovery-ratios.ts'
import { recoveryTable } from './measure/recovery-table.ts'
import { summarize, type Recoveries } from './measure/recovery.ts'
import { readOptions, refuse, resultName, text, whole, wholes } from './options.ts'
import { runBench } from './run-bench.ts'
import { measureSnapshotCost, type SnapshotCost } from './snapshot-cost.ts'

const { out, note, ...options } = readOptions({
  symbols: wholes(500, 10_000), rate: whole(5_000),
  // kills: how many, and seconds of feed before each at the least
  runs: whole(10, 0), seconds: whole(12), takeovers: whole(3, 0),
  // what snapshots cost: rounds, seconds of each side in each, seconds before it that don't count
  rounds: whole(3, 0), 'round-seconds': whole(30), 'warm-up': whole(10, 0),
  out: resultName('recovery'), note: text(''),
})

if (options.symbols.length === 0) refuse('there is nothing to measure: give --symbols one number or more')

/** One number of symbols; null is what was not measured. */
export interface RecoveryRow {
  symbols: number
  sameInstance: Recoveries | null
  otherInstance: Recoveries | null
  snapshot: SnapshotFigures
  snapshotCost: SnapshotCost | null
}

/** bench/results/recovery.json. */
export interface RecoveryResult extends Comparable {
  note: string
  machine: Machine
  /** What passes until the broker gives a killed instance's tasks to another one. */
  sessionTimeoutMs: number
  rows: RecoveryRow[]
}

async function measureRow(broker: LocalBroker, symbols: number): Promise<RecoveryRow> {
  const recordsPerSecond = options.rate
  const { same, other, snapshot } = await measureKills(broker, { ...options, symbols, recordsPerSecond })
  const snapshotCost = options.rounds === 0 ? null : await measureSnapshotCost(broker, {
    symbols, recordsPerSecond, rounds: options.rounds, roundSeconds: options['round-seconds'], warmUpSeconds: options['warm-up'],
  })
  return { symbols, sameInstance: summarize(same), otherInstance: summarize(other), snapshot, snapshotCost }
}

async function run(broker: LocalBroker): Promise<void> {
  const rows: RecoveryRow[] = []
  for (const symbols of options.symbols) rows.push(await measureRow(broker, symbols))
  const { ratios, tolerances, limits } = recoveryRatios(rows, SESSION_TIMEOUT_MS)
  const result: RecoveryResult = { note, options, machine: machineNow(), ratios, sessionTimeoutMs: SESSION_TIMEOUT_MS, rows }
  console.log(recoveryTable(result))
  concludeRun(out, result, tolerances, limits)
}

await runBench(run, { 'group.initial.rebalance.delay.ms': '3000' })
