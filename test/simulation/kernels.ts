/** The built kernel with the product's own settings, and with others that change no final result. */
import { makeBundle } from '../../src/bundle/bundle.ts'
import { ownBundle } from '../../src/bundle/own-kernel.ts'
import { readSettings } from '../../src/settings/settings.ts'
import { ENVIRONMENT } from './instance.ts'
import type { Kernels } from './schedule.ts'

export function openKernels(): Kernels {
  const bundle = ownBundle(readSettings(ENVIRONMENT))
  const other = makeBundle(bundle.kernel, { ...bundle.settings, provisionalRefreshMs: 400 })
  return { bundles: [bundle, other], module: new WebAssembly.Module(bundle.kernel) }
}
