import { availableParallelism } from 'node:os'

/** Threads that schedules run on, side by side. */
export const THREADS = Math.max(Math.min(availableParallelism(), 8), 1)
