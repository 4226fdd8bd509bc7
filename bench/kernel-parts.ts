/** The bench's own build of the kernel's parts (assembly/bench-entry.ts): one call a part. */
import { readFileSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { configImage } from '../src/bundle/config-image.ts'
import type { ResultSettings } from '../src/bundle/config-image.ts'
import { TaskMemory } from '../src/state/task-memory.ts'

export interface Parts {
  xxh64(at: number, length: number, seed: bigint): bigint
  writeNumbers(from: number, count: number, at: number): number
  nextEma(row: number, close: number): number
  nextRsi(row: number, close: number): number
  nextBollinger(row: number, close: number): number
  nextVolatility(row: number, close: number): number
  nextSessionVwap(row: number, second: number, pv: number, volume: number): number
  nextSlidingVwap(row: number, second: number, pv: number, volume: number): number
  nextSet(row: number, second: number, close: number, pv: number, volume: number): number
}

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OUT = 'build/bench-parts.wasm'

/** Compiles the parts and puts them on a memory of their own. Throws what the compiler says. */
export async function openParts(settings: ResultSettings): Promise<{ parts: Parts; task: TaskMemory }> {
  mkdirSync(new URL('../build/', import.meta.url), { recursive: true })
  const args = ['assembly/bench-entry.ts', '--config', 'asconfig.json', '--target', 'release', '--baseDir', ROOT, '--outFile', OUT]
  const { error, stderr } = await asc.main(args)
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
  const task = TaskMemory.create(configImage(settings))
  const module = new WebAssembly.Module(readFileSync(new URL(`../${OUT}`, import.meta.url)))
  const instance = new WebAssembly.Instance(module, { env: { memory: task.memory } })
  return { parts: instance.exports as unknown as Parts, task }
}
