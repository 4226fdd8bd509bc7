/** The simulation has teeth: each deliberate mistake is caught within so many schedules, by one that is right without it. */
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { firstFailure, runWorker } from './run.ts'

/** Schedules that a mutant may survive: the first seeds, one after the other, so the one that catches it is always the same. */
const SCHEDULES_MOST = 1_500
/** A part of a mutant's name: that one alone. */
const ONLY = process.env.TA_SIMULATION_MUTANT

const catching = new Set<number>()

describe('a deliberate mistake is caught', () => {
  const chosen = MUTANTS.filter(({ name }) => ONLY === undefined || name.includes(ONLY))
  // side by side, one thread each: the project says how many
  it.concurrent.for(chosen.map((mutant) => [mutant.name, mutant] as const))('%s', { timeout: 600_000 }, async ([name, mutant]) => {
    const caught = await firstFailure(mutant, SCHEDULES_MOST)
    if (caught === null) throw new Error(`survived ${SCHEDULES_MOST} schedules`)
    catching.add(caught.seed)
    console.log(`seed ${caught.seed} catches "${name}": ${caught.failure.slice(0, 200)}`)
  })
})

it('and by schedules that are right without it', { timeout: 600_000 }, async () => {
  expect(catching.size).toBeGreaterThan(0)
  const seeds = [...catching].sort((a, b) => a - b)
  const { schedules, failures } = await runWorker({ seeds, traced: false, stopsAtFailure: false, mutant: null })
  expect(failures).toEqual([])
  expect(schedules).toBe(seeds.length)
})
