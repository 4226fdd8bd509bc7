import { defineConfig } from 'vitest/config'

/** Tests that need a broker; every other test file is a unit test, wherever it lies. */
const BROKER_TESTS = ['test/broker/**/*.test.ts', 'test/chaos/**/*.test.ts']

export default defineConfig({
  test: {
    teardownTimeout: 60_000, // the shared broker stops in order
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{src,assembly,bin,bench,test}/**/*.test.ts'],
          exclude: BROKER_TESTS,
          sequence: { groupOrder: 1 }, // from 1: with one worker vitest puts a group 0 behind all others
        },
      },
      {
        test: {
          name: 'broker',
          include: BROKER_TESTS,
          // the broker of the run, for all files; it is started when there is a file to run, and not before
          globalSetup: 'test/broker/shared-broker.ts',
          // they measure time and kill things: one after the other, when the fast ones are done
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
