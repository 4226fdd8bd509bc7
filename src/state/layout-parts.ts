/**
 * Layouts of kernels that are not the program's own. A kernel has addresses compiled in; on a memory that is laid out otherwise it would
 * read and write other columns, and nothing but a digest, or not even that, would tell.
 *
 * In:  what lies where for a kernel. Out: whether it can run here, its hash. Imports: the layout.
 */
import { layoutParts } from './layout.ts'

export type LayoutParts = Readonly<Record<string, string | number>>

/** The parts of this program's own layout. */
export const OWN_PARTS: LayoutParts = layoutParts()

/**
 * The first part of a kernel's layout that is not the same here, in words; null when such a kernel can run on this program's memory. Ours
 * may have more: what the kernel does not know it does not touch, and it stays empty. What it keeps for one batch lies below its
 * state, so that ours must not begin before.
 */
export function strangePart(theirs: LayoutParts, ours: LayoutParts = OWN_PARTS): string | null {
  for (const [name, place] of Object.entries(theirs)) {
    const here = ours[name]
    if (name === 'stateBase' ? Number(here) >= Number(place) : here === place) continue
    return here === undefined ? `${name}, which there is no more` : `${name}, ${place} there and ${here} here`
  }
  return null
}

/** What a kernel says of its own layout: 31 bits of FNV-1a over the parts, so that it fits a constant of the kernel. */
export function layoutHash(parts: LayoutParts = OWN_PARTS): number {
  let hash = 0x811c_9dc5
  for (const byte of Buffer.from(JSON.stringify(Object.entries(parts)))) hash = Math.imul(hash ^ byte, 0x0100_0193)
  return hash & 0x7fff_ffff
}
