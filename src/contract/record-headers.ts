/** Names of the headers that rejected and late records carry: written by epochs, read by `ta dlq` and by users. */

export const RECORD_HEADERS = {
  /** One of REASONS. */
  reason: 'ta-reason',
  /** Where the record was consumed from. */
  topic: 'ta-topic',
  partition: 'ta-partition',
  offset: 'ta-offset',
  /** `true` where the value is its head alone; then with the true length in bytes and the SHA-256 (hex) of the whole. */
  truncated: 'ta-truncated',
  size: 'ta-size',
  sha256: 'ta-sha256',
  /** The same of the key. */
  keyTruncated: 'ta-key-truncated',
  keySize: 'ta-key-size',
  keySha256: 'ta-key-sha256',
  /** Of a mark in the DLQ: the offsets that were sent back; of a record that was: its place in the DLQ, `partition:offset`. */
  redriven: 'ta-redriven',
} as const
