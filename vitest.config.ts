import { defineConfig } from 'vitest/config'
import { THREADS } from './test/simulation/threads.ts'

/** Tests that need a broker; every other test file is a unit test, wherever it lies. */
const BROKER_TESTS = ['test/broker/**/*.test.ts', 'test/leaks/**/*.test.ts']
/** Thousands of simulated schedules, and deliberate mistakes: they take all cores, so nothing runs beside them. */
const SIMULATION_TESTS = ['test/simulation/*.test.ts']
/** Kills and outages on a real broker, for minutes; TA_CHAOS_ROUNDS times as many of each, where that is set. */
const CHAOS_ROUNDS = Number(process.env.TA_CHAOS_ROUNDS ?? 1)
const CHAOS_TESTS = ['test/chaos/**/*.test.ts']

/** What tests with a broker have in common: they measure time and kill things, so one file runs after the other. */
const ONE_BY_ONE = {
  // the broker of the run, for all files; it is started when there is a file to run, and not before
  globalSetup: 'test/broker/shared-broker.ts',
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 120_000,
}

export default defineConfig({
  test: {
    teardownTimeout: 60_000, // the shared broker stops in order
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,assembly,bin,bench,test}/**/*.test.ts'],
          exclude: [...BROKER_TESTS, ...CHAOS_TESTS, ...SIMULATION_TESTS],
          testTimeout: 60_000, // for a machine that does other work: no test waits for anything
          sequence: { groupOrder: 1 }, // from 1: with one worker vitest puts a group 0 behind all others
        },
      },
      {
        test: {
          name: 'simulation',
          include: SIMULATION_TESTS,
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          maxConcurrency: THREADS,
        },
      },
      {
        test: {
          name: 'broker',
          include: BROKER_TESTS,
          sequence: { groupOrder: 3 },
          ...ONE_BY_ONE,
        },
      },
      {
        test: {
          name: 'chaos',
          include: CHAOS_TESTS,
          sequence: { groupOrder: 4 },
          ...ONE_BY_ONE,
          // most of their time is session time-outs and outages that are waited for
          fileParallelism: true,
          maxWorkers: 2,
          testTimeout: 480_000 * CHAOS_ROUNDS, // what a busy machine takes for the restarts of a broker
        },
      },
    ],
  },
})
