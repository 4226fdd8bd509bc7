/** A recovery result as a table: a column a number of symbols. What was left out everywhere has no lines. */
import type { RecoveryResult, RecoveryRow } from '../recovery.ts'
import type { SideFigures } from '../snapshot-cost.ts'
import { circumstances, headOf, ms, row, whole } from './markdown.ts'
import { PARTS, type Part, type Recoveries, type Spread } from './recovery.ts'

const SAID: Readonly<Record<Part, string>> = {
  restart: 'restart of the process', join: 'broker and group', attempts: 'attempts that failed', fence: 'InitProducerId',
  load: 'epoch log, rest of the snapshot', replay: 'replay', commit: 'live → first record',
}

type Line = (name: string, pick: (of: RecoveryRow) => string) => string

const spread = (of: Spread | undefined): string => (of === undefined ? '–' : `${whole(of.p50)} (${whole(of.max)})`)

export function recoveryTable(result: RecoveryResult): string {
  const { rows } = result
  const line: Line = (name, pick) => row(name, ...rows.map(pick))
  const has = (pick: (of: RecoveryRow) => unknown): boolean => rows.some((of) => pick(of) !== null)
  return [
    circumstances(result), '',
    ...headOf('p50 (max)', ...rows.map(({ symbols }) => `${whole(symbols)} symbols`)),
    ...(has(({ sameInstance }) => sameInstance) ? killLines('same instance', line, ({ sameInstance }) => sameInstance) : []),
    ...(has(({ otherInstance }) => otherInstance) ? killLines('another instance', line, ({ otherInstance }) => otherInstance) : []),
    line('snapshot of a task, bytes', ({ snapshot }) => (snapshot.bytes === null ? '–' : whole(snapshot.bytes))),
    line('snapshot of a task, mean ms in the background', ({ snapshot }) => ms(snapshot.meanMs)),
    ...(has(({ snapshotCost }) => snapshotCost) ? costLines(line, result.ratios) : []),
  ].join('\n')
}

function killLines(name: string, line: Line, pick: (of: RecoveryRow) => Recoveries | null): string[] {
  return [
    line(`${name}: kills`, (of) => String(pick(of)?.kills ?? 0)),
    line(`${name}: **first record**, ms`, (of) => spread(pick(of)?.firstMs)),
    line(`${name}: first records of all its tasks, ms`, (of) => spread(pick(of)?.allTasksMs)),
    ...PARTS.map((part) => line(`… ${SAID[part]}`, (of) => spread(pick(of)?.parts[part]))),
    line('… recorded epochs run again', (of) => spread(pick(of)?.epochs)),
  ]
}

function costLines(line: Line, ratios: RecoveryResult['ratios']): string[] {
  const both = (name: string, pick: (of: SideFigures) => string): string[] => (['with', 'without'] as const).map((side) =>
    line(`${name}, ${side} snapshots`, ({ snapshotCost }) => (snapshotCost === null ? '–' : pick(snapshotCost[side]))))
  const ratio = (what: string): string => line('… p99 with to without', ({ symbols }) => ratios[`${what}${symbols}`]?.toFixed(2) ?? '–')
  return [
    ...both('epoch\'s end → commit known: p50, p99, ms', ({ commit }) => `${ms(commit.p50)}, ${ms(commit.p99)}`),
    ratio('commitP99SnapshotsToNone'),
    ...both('… of it the transaction: p50, p99, ms', ({ transaction }) => `${ms(transaction.p50)}, ${ms(transaction.p99)}`),
    ...both('… p99 in each round', ({ commitP99ByRound }) => commitP99ByRound.map(ms).join('; ')),
    ...both('window end → provisional bar: p50, p99, ms', ({ provisional }) => `${ms(provisional.p50)}, ${ms(provisional.p99)}`),
    ratio('provisionalP99SnapshotsToNone'),
    line('snapshots stored meanwhile: number, mean ms', ({ snapshotCost }) =>
      (snapshotCost === null ? '–' : `${snapshotCost.with.snapshots}, ${ms(snapshotCost.with.snapshotMeanMs)}`)),
  ]
}
