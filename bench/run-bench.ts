/** How every bench that needs a broker begins and ends. */
import { UserError } from '../src/contract/errors.ts'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { startServerBroker } from './engine.ts'
import { childFailed, endChildren } from './processes/child.ts'

/**
 * Runs `bench` on a broker of its own, which ends with it, as do the bench's processes. What a person has to put right is told in one sentence.
 */
export async function runBench(bench: (broker: LocalBroker) => Promise<void>, properties: Record<string, string> = {}): Promise<void> {
  // so that what is to be removed at the end is, however it ends
  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) process.once(signal, () => process.exit(code))
  try {
    const broker = await startServerBroker(properties)
    try {
      await Promise.race([bench(broker), childFailed])
    } finally {
      endChildren()
      await broker.stop()
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    console.error(`bench: ${error.message}`)
    process.exitCode = error.exitCode
    // what it waited for may still be under way, and would keep the process from ending
    setTimeout(() => process.exit(), 1_000).unref()
  }
}
