/** What happens to the processes of a schedule, and when: kills, zombies, restarts, moves, outages, new settings. */
import type { Bundle } from '../../src/bundle/bundle.ts'
import type { Phase } from '../../src/simulation/process.ts'
import type { Random } from '../../src/simulation/random.ts'
import type { Scheduler } from '../../src/simulation/scheduler.ts'
import type { SimulatedBroker } from '../../src/simulation/simulated-broker.ts'
import type { StoredObjects } from '../../src/simulation/simulated-store.ts'
import type { Instance } from './instance.ts'

export interface Stage {
  broker: SimulatedBroker
  scheduler: Scheduler
  stored: StoredObjects
  instances: Instance[]
  bundles: Bundle[]
  isCalm(): boolean
  note(text: string): void
}

export interface Mishap {
  kind: string
  atMs: number
  /** Virtual ms by which it is over. */
  untilMs: number
}

/** Calls at which processes die; '' is any. */
const CALLS = [
  '', '', 'EndTxn', 'EndTxn', 'Produce', 'InitProducerId', 'ListOffsets', 'Read', 'Fetch', 'Step', 'Copy', 'store.', 'store.putNew',
  'DeleteRecords',
]
const CUT_MOST_MS = 1_200
const PHASES: readonly Phase[] = ['before', 'in', 'after']
const KINDS = ['kill', 'kill', 'killAt', 'killAt', 'killAt', 'pause', 'restart', 'shuffle', 'outage', 'killTwice', 'cut'] as const

/** Plans a schedule's mishaps and sets them going. */
export function planMishaps(random: Random, endMs: number, stage: Stage): Mishap[] {
  const count = random.integer(0, 7)
  return Array.from({ length: count }, () => {
    const kind = random.pick(KINDS)
    const atMs = random.between(0, endMs + 4_000)
    const lengthMs = carryOut(kind, random.fork(), atMs, stage)
    return { kind, atMs, untilMs: atMs + lengthMs }
  })
}

/** Resolves to how long it takes, ms. */
function carryOut(kind: (typeof KINDS)[number], random: Random, atMs: number, stage: Stage): number {
  const { scheduler, broker, stored } = stage
  const at = (ms: number, run: () => void): void => {
    scheduler.after(ms, () => {
      if (!stage.isCalm()) run()
    })
  }
  const downMs = random.chance(0.8) ? random.between(20, 2_000) : random.between(2_000, 14_000)
  const instance = (): Instance => random.pick(stage.instances)
  if (kind === 'kill' || kind === 'killTwice') {
    at(atMs, () => kill(stage, instance(), random, downMs))
    if (kind === 'killTwice') at(atMs + downMs + random.between(0, 60), () => kill(stage, instance(), random, downMs))
    return 2 * downMs + 100
  }
  if (kind === 'killAt') {
    const point = { call: random.pick(CALLS), nth: random.integer(1, 9), phase: random.pick(PHASES) }
    at(atMs, () => {
      const { process } = instance()
      if (process === null || !process.alive) return
      stage.note(`${process.name} is to die ${point.phase} its call ${point.nth} of ${point.call}`)
      process.killPoint = { ...point }
      const former = process.onKilled
      process.onKilled = () => {
        former()
        at(downMs, () => revive(stage, random))
      }
    })
    return downMs + 3_000
  }
  if (kind === 'pause') {
    at(atMs, () => {
      const { process } = instance()
      stage.note(`${process?.name} is paused for ${downMs} ms`)
      process?.pause()
      at(downMs, () => process?.wake())
    })
    return downMs
  }
  if (kind === 'cut') {
    // shorter than the lateness: what comes late by the network alone is not late by event time
    const cutMs = random.between(10, CUT_MOST_MS)
    at(atMs, () => {
      const { process } = instance()
      stage.note(`${process?.name} has no network for ${cutMs} ms`)
      process?.cut(true)
      scheduler.after(cutMs, () => process?.cut(false))
    })
    return cutMs
  }
  if (kind === 'restart') {
    at(atMs, () => instance().stop())
    at(atMs + downMs, () => revive(stage, random))
    return downMs
  }
  if (kind === 'shuffle') {
    at(atMs, () => broker.group.shuffle())
    return 0
  }
  at(atMs, () => (stored.outage = true))
  at(atMs + downMs, () => (stored.outage = false))
  return downMs
}

function kill(stage: Stage, { process }: Instance, random: Random, downMs: number): void {
  process?.kill()
  stage.scheduler.after(downMs, () => {
    if (!stage.isCalm()) revive(stage, random)
  })
}

/** Starts who is down, perhaps with other settings that change no result. */
function revive(stage: Stage, random: Random): void {
  for (const instance of stage.instances) {
    if (instance.running) continue
    if (random.chance(0.15)) instance.bundle = random.pick(stage.bundles)
    instance.start()
  }
}
