/**
 * The kernel: what the host may call. One instance works on one task's memory, which holds all there is; the module has no
 * heap and no global that changes, so any instance on any worker can go on where another stopped.
 */
import { LAYOUT_HASH } from './layout'

export { apply, decode, openEpoch } from './step'
export { closeEpoch } from './close'
export { rebuildSymbolIndex } from './market/symbols'
export { rebuildTradeIndex } from './market/trades'
export { rebuildQuoteIdIndex } from './market/quotes'
export { xxh64 } from './hash'

/** Of the layout that the kernel was compiled for: it must be that of the config image, which came with the kernel. */
export function layoutHash(): i32 { return LAYOUT_HASH }

/** End of the kernel's own static data: must lie below HEADER_BASE. */
export function staticEnd(): usize { return __heap_base }
