/** The simulation has teeth: each deliberate mistake is caught within so many schedules, by one that is right without it. */
import { describe, expect, it } from 'vitest'
import { MUTANTS } from './mutants.ts'
import { firstFailure, runWorker } from './run.ts'

/** Schedules that a mutant may survive. */
const SCHEDULES_MOST = 600
/** A part of a mutant's name: that one alone. */
const ONLY = process.env.TA_SIMULATION_MUTANT

describe('a deliberate mistake is caught', () => {
  const chosen = MUTANTS.filter(({ name }) => ONLY === undefined || name.includes(ONLY))
  it.for(chosen.map((mutant) => [mutant.name, mutant] as const))('%s', { timeout: 300_000 }, async ([, mutant]) => {
    const caught = await firstFailure(mutant, SCHEDULES_MOST)
    if (caught === null) return expect.fail(`survived ${SCHEDULES_MOST} schedules`)
    const { seed, failure } = caught
    console.log(`seed ${seed}: ${failure.slice(0, 200)}`)
    const without = await runWorker({ from: seed, to: seed + 1, step: 1, traced: false, stopsAtFailure: true, mutant: null })
    expect(without.failures, 'the schedule fails without the mistake, too').toEqual([])
  })
})
