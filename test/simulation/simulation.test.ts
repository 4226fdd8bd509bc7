/**
 * Seeded schedules of the real engine over a simulated Kafka and a simulated store (src/simulation).
 *
 * TA_SIMULATION_SCHEDULES  how many, TA_SIMULATION_FROM the first seed
 * TA_SIMULATION_SEED       one seed alone, with its trace
 */
import { expect, it } from 'vitest'
import { runSchedules, runWorker } from './run.ts'
import { THREADS } from './threads.ts'

const SCHEDULES = Number(process.env.TA_SIMULATION_SCHEDULES ?? 10_000)
const FROM = Number(process.env.TA_SIMULATION_FROM ?? 1)
const SEED = process.env.TA_SIMULATION_SEED
const SHOWN = 10

it.skipIf(SEED !== undefined)(`keeps its promise in ${SCHEDULES} schedules from seed ${FROM} on`, { timeout: 0 }, async () => {
  const startedMs = performance.now()
  const { schedules, events, epochs, tally, failures } = await runSchedules(FROM, SCHEDULES, THREADS)
  const seconds = (performance.now() - startedMs) / 1000
  console.log(`${schedules} schedules, ${events} events, ${epochs} epochs in ${seconds.toFixed(0)} s on ${THREADS} threads`)
  const perThousand = tally.map(([kind, count]) => `${kind} ${Math.round((count * 1000) / schedules)}`)
  console.log(`per 1,000 schedules: ${perThousand.join(', ')}`)
  const lines = failures.slice(0, SHOWN).map(({ seed, failure }) => `TA_SIMULATION_SEED=${seed} ${failure}`)
  expect(lines, `${failures.length} of ${schedules} schedules failed`).toEqual([])
  expect(schedules).toBe(SCHEDULES)
})

it.skipIf(SEED === undefined)(`repeats seed ${SEED}`, { timeout: 0 }, async () => {
  const seed = Number(SEED)
  const [first, again] = [await traced(seed), await traced(seed)]
  console.log(first.trace.join('\n'))
  expect(again.trace, 'the seed does not repeat').toEqual(first.trace)
  expect(first.failure).toBe('')
})

async function traced(seed: number): Promise<{ failure: string; trace: string[] }> {
  const { failures } = await runWorker({ seeds: [seed], traced: true, stopsAtFailure: false, mutant: null })
  return failures[0]
}

it('repeats a schedule event by event', { timeout: 240_000 }, async () => {
  const [first, again] = [await traced(11), await traced(11)]
  expect(first.trace.length).toBeGreaterThan(100)
  expect(again).toEqual(first)
})
