/** Bundles' kernels, compiled. In: a bundle. Out: its module. Imports: nothing. */
import type { Bundle } from './bundle.ts'

/** By the bundle's hash: a job has few. */
const modules = new Map<string, WebAssembly.Module>()

/** The bundle's kernel, compiled once a process, which takes some ms. Throws WebAssembly.CompileError when it is none. */
export function moduleOf({ hash, kernel }: Pick<Bundle, 'hash' | 'kernel'>): WebAssembly.Module {
  const module = modules.get(hash) ?? new WebAssembly.Module(kernel)
  modules.set(hash, module)
  return module
}
