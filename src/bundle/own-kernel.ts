/** The kernel that this program was built with, and the bundle of it and the settings. */
import { readFileSync } from 'node:fs'
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { readSaleConditions } from '../market/sale-conditions.ts'
import type { Settings } from '../settings/settings.ts'
import { Kernel } from '../state/kernel.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { makeBundle } from './bundle.ts'
import type { Bundle } from './bundle.ts'
import { moduleOf } from './kernel-module.ts'

const FILE = new URL('../../build/kernel.wasm', import.meta.url)

/** Throws UserError 78 when the kernel was not built, or not for this program. */
export function ownBundle(settings: Settings): Bundle {
  let kernel: Buffer
  try {
    kernel = readFileSync(FILE)
  } catch (cause) {
    throw new UserError(EXIT_SETTINGS, 'The kernel build/kernel.wasm is missing: run `node bin/setup.mjs` first.', { cause })
  }
  const bundle = makeBundle(kernel, {
    latenessMs: settings.latenessMs,
    maxFutureMs: settings.maxFutureMs,
    maxSymbols: settings.maxSymbols,
    provisional: settings.provisional,
    provisionalDelayMs: settings.provisionalDelayMs,
    provisionalRefreshMs: settings.provisionalRefreshMs,
    provisionalMaxAgeMs: settings.provisionalMaxAgeMs,
    quoteStaleAfterMs: settings.quoteStaleAfterMs,
    quoteDedupe: settings.quoteDedupe,
    session: settings.session,
    saleConditions: settings.saleConditions,
    ...(settings.saleConditionsFile === '' ? {} : { conditionRules: readSaleConditions(settings.saleConditionsFile) }),
    fieldMap: settings.fieldMap,
  })
  assertFits(bundle)
  return bundle
}

/** An old build beside new sources would be at wrong addresses in every memory. One instance tells; it takes a few ms. */
function assertFits(bundle: Bundle): void {
  try {
    new Kernel(moduleOf(bundle), TaskMemory.create(bundle.image))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new UserError(EXIT_SETTINGS, `The kernel build/kernel.wasm was not built for this program (${why}): run \`node bin/setup.mjs\`.`, { cause })
  }
}
