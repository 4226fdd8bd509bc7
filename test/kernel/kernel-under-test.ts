/** The built kernel over a fresh memory, for tests that drive it directly. */
import { readFileSync } from 'node:fs'
import { makeBundle } from '../../src/bundle/bundle.ts'
import type { Bundle } from '../../src/bundle/bundle.ts'
import type { ResultSettings } from '../../src/bundle/config-image.ts'
import { Kernel } from '../../src/state/kernel.ts'
import type { Outputs } from '../../src/state/kernel.ts'
import { TaskMemory } from '../../src/state/task-memory.ts'

export const kernelBytes = readFileSync(new URL('../../build/kernel.wasm', import.meta.url))
export const kernelModule = new WebAssembly.Module(kernelBytes)

/** The contract's defaults. */
export const DEFAULTS: ResultSettings = {
  latenessMs: 2_000, maxFutureMs: 1_000, maxSymbols: 20_000, provisional: true, provisionalDelayMs: 0, provisionalRefreshMs: 250,
  provisionalMaxAgeMs: 10_000, quoteStaleAfterMs: 15_000, quoteDedupe: 'seq', session: 'us-equity', saleConditions: 'all', fieldMap: {},
}

export function bundleOf(more: Partial<ResultSettings> = {}): Bundle {
  return makeBundle(kernelBytes, { ...DEFAULTS, ...more })
}

export function newKernel(more: Partial<ResultSettings> = {}, capacities?: number[]): Kernel {
  const kernel = new Kernel(kernelModule, TaskMemory.create(bundleOf(more).image, capacities))
  kernel.openEpoch()
  return kernel
}

/** Texts of an epoch's outputs, in order. */
export function textsOf(outputs: Outputs): string[] {
  const text = Buffer.from(outputs.values)
  return Array.from(outputs.valueEnds, (end, i) => text.toString('utf8', i === 0 ? 0 : outputs.valueEnds[i - 1], end))
}
