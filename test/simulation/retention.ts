/** Retention deletes inputs that no epoch has consumed yet, while everybody is down: an end that a person has to put right. */
import type { Random } from '../../src/simulation/random.ts'
import type { SimulatedBroker } from '../../src/simulation/simulated-broker.ts'
import { INPUTS, epochRecords } from './checks.ts'
import type { Mishap, Stage } from './mishaps.ts'

/** What the engine has to say then: which offsets, and what to do. */
export const DELETED = /begins at offset \d+, but task \d+ has to go on from offset \d+.*ta reset/

const DOWN_MS = 2_500

/** Kills all, deletes, starts all. `onDeleted` is told when a record that is still needed has gone. */
export function planRetention(random: Random, endMs: number, stage: Stage, onDeleted: () => void): Mishap[] {
  const atMs = random.between(500, endMs)
  const { scheduler, broker, instances } = stage
  scheduler.after(atMs, () => {
    stage.note('all are killed, and retention deletes inputs')
    for (const { process } of instances) process?.kill()
  })
  scheduler.after(atMs + DOWN_MS, () => {
    if (deleteUnread(random, broker)) onDeleted()
    for (const instance of instances) instance.start()
  })
  return [{ kind: 'retention', atMs, untilMs: atMs + DOWN_MS }]
}

/** Deletes the records of one partition up to some that the task's last epoch had not reached. */
function deleteUnread(random: Random, broker: SimulatedBroker): boolean {
  const topic = random.pick(INPUTS.slice(0, 2))
  const last = epochRecords(broker.partition('epochs', 0)).at(-1)?.record
  if (last === undefined) return false
  const log = broker.partition(topic, 0)
  const from = last.consumed[INPUTS.indexOf(topic)].to
  const unread: number[] = []
  for (let offset = from; offset < log.stable; offset++) if (log.isReadable(offset)) unread.push(offset)
  if (unread.length === 0) return false
  log.deleteBefore(random.pick(unread) + 1)
  return true
}
