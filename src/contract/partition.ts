/**
 * Which partition a key belongs to: Kafka's default partitioner for keyed records, as the Java client has it
 * (org.apache.kafka.common.utils.Utils.murmur2 and toPositive). Everything that deals symbols out agrees with this.
 */

const SEED = 0x9747b28c
const MULTIPLIER = 0x5bd1e995
const SHIFT = 24

/** murmur2 of bytes, a signed 32-bit integer, equal to the Java client's bit for bit. */
export function murmur2(bytes: Uint8Array): number {
  const length = bytes.length
  const bodyEnd = length & ~3
  let hash = SEED ^ length
  for (let at = 0; at < bodyEnd; at += 4) {
    let word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    word = Math.imul(word, MULTIPLIER)
    word ^= word >>> SHIFT
    word = Math.imul(word, MULTIPLIER)
    hash = Math.imul(hash, MULTIPLIER) ^ word
  }
  const rest = length - bodyEnd
  if (rest === 3) hash ^= bytes[bodyEnd + 2] << 16
  if (rest >= 2) hash ^= bytes[bodyEnd + 1] << 8
  if (rest >= 1) hash = Math.imul(hash ^ bytes[bodyEnd], MULTIPLIER)
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER)
  return hash ^ (hash >>> 15)
}

/** Partition in [0, partitions) of a record with this key (text is taken as UTF-8). */
export function murmur2Partition(key: Uint8Array | string, partitions: number): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key
  return (murmur2(bytes) & 0x7fffffff) % partitions
}
