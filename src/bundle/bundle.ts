/**
 * A bundle: all that decides results beside the input — the kernel and its config image — known by its hash. Epoch
 * records name it, the epoch topic and the snapshots carry it, and a replay runs the bundle that each record names, so a
 * crash and an upgrade at once recover, too.
 *
 * In:  kernel bytes, settings. Out: bundle, its bytes, its hash. Imports: state's layout, this room.
 */
import { createHash } from 'node:crypto'
import { configImage } from './config-image.ts'
import type { ResultSettings } from './config-image.ts'
import { OWN_PARTS } from '../state/layout-parts.ts'
import type { LayoutParts } from '../state/layout-parts.ts'

export interface Bundle {
  /** SHA-256 of the bytes, in hex. */
  hash: string
  kernel: Uint8Array
  image: Uint8Array
  /** The settings in words, for people. */
  settings: ResultSettings
  /** What lies where for its kernel. */
  layout: LayoutParts
  bytes: Buffer
}

const MAGIC = 'TABN'
/** 1 did not say what lies where. */
const VERSION = 2
/** Magic, version, four lengths: of kernel, image, settings, layout. */
const HEAD_BYTES = 24

/** Bundle of this kernel with these settings. */
export function makeBundle(kernel: Uint8Array, settings: ResultSettings): Bundle {
  const image = configImage(settings)
  const text = Buffer.from(JSON.stringify(settings))
  const parts = Buffer.from(JSON.stringify(OWN_PARTS))
  const head = Buffer.alloc(HEAD_BYTES)
  head.write(MAGIC, 0, 'latin1')
  for (const [i, value] of [VERSION, kernel.length, image.length, text.length, parts.length].entries()) head.writeUInt32LE(value, 4 + i * 4)
  return readBundle(Buffer.concat([head, kernel, image, text, parts]))
}

/** Reads a bundle's bytes; throws RangeError when they are none. */
export function readBundle(bytes: Buffer): Bundle {
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC) throw new RangeError('these bytes are no bundle')
  const [version, kernelBytes, imageBytes, textBytes, partsBytes] = [4, 8, 12, 16, 20].map((at) => bytes.readUInt32LE(at))
  if (version !== VERSION) throw new RangeError(`bundle of version ${version}, this program reads ${VERSION}`)
  const imageAt = HEAD_BYTES + kernelBytes
  const textAt = imageAt + imageBytes
  const partsAt = textAt + textBytes
  if (partsAt + partsBytes !== bytes.length) throw new RangeError('these bytes are no bundle')
  return {
    hash: createHash('sha256').update(bytes).digest('hex'),
    kernel: bytes.subarray(HEAD_BYTES, imageAt),
    image: bytes.subarray(imageAt, textAt),
    settings: JSON.parse(bytes.toString('utf8', textAt, partsAt)) as ResultSettings,
    layout: JSON.parse(bytes.toString('utf8', partsAt)) as LayoutParts,
    bytes,
  }
}
