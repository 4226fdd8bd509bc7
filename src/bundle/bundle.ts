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

export interface Bundle {
  /** SHA-256 of the bytes, in hex. */
  hash: string
  kernel: Uint8Array
  image: Uint8Array
  /** The settings in words, for people. */
  settings: ResultSettings
  bytes: Buffer
}

const MAGIC = 'TABN'
const HEAD_BYTES = 20

/** Bundle of this kernel with these settings. */
export function makeBundle(kernel: Uint8Array, settings: ResultSettings): Bundle {
  const image = configImage(settings)
  const text = Buffer.from(JSON.stringify(settings))
  const head = Buffer.alloc(HEAD_BYTES)
  head.write(MAGIC, 0, 'latin1')
  head.writeUInt32LE(1, 4)
  head.writeUInt32LE(kernel.length, 8)
  head.writeUInt32LE(image.length, 12)
  head.writeUInt32LE(text.length, 16)
  return readBundle(Buffer.concat([head, kernel, image, text]))
}

/** Reads a bundle's bytes; throws RangeError when they are none. */
export function readBundle(bytes: Buffer): Bundle {
  const lengths = bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, 4) !== MAGIC ? [] : [8, 12, 16].map((at) => bytes.readUInt32LE(at))
  const [kernelBytes, imageBytes, textBytes] = lengths
  if (lengths.length === 0 || HEAD_BYTES + kernelBytes + imageBytes + textBytes !== bytes.length) throw new RangeError('these bytes are no bundle')
  const imageAt = HEAD_BYTES + kernelBytes
  return {
    hash: createHash('sha256').update(bytes).digest('hex'),
    kernel: bytes.subarray(HEAD_BYTES, imageAt),
    image: bytes.subarray(imageAt, imageAt + imageBytes),
    settings: JSON.parse(bytes.toString('utf8', imageAt + imageBytes)) as ResultSettings,
    bytes,
  }
}
