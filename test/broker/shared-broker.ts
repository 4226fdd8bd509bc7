/** Starts the one broker that all files of the project `broker` share, and hands its address to them. */
import type { TestProject } from 'vitest/node'
import { startLocalBroker } from '../../src/demo/local-broker.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** `host:port` of the run's broker. */
    bootstrap: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = await startLocalBroker({ keepClasses: true })
  project.provide('bootstrap', broker.bootstrap)
  return () => broker.stop()
}
