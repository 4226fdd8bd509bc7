/** What a result says of where it was measured. */
import { cpus, loadavg } from 'node:os'
import { rounded } from './latencies.ts'

export interface Machine {
  cores: number
  /** Mean load of the last minute, the bench's own included. */
  load1m: number
  node: string
}

export const machineNow = (): Machine => ({ cores: cpus().length, load1m: rounded(loadavg()[0]), node: process.version })
