/**
 * What becomes of a consumed record. Each is exactly one of the five outcomes; the codes are the kernel's, so their
 * order is part of the recorded format: append, never renumber.
 */

/** Outcome of one consumed record; the index is the kernel's code. */
export const OUTCOMES = ['applied', 'duplicate', 'late', 'filtered', 'rejected'] as const
export type Outcome = (typeof OUTCOMES)[number]

export const APPLIED = 0
export const DUPLICATE = 1
export const LATE = 2
export const FILTERED = 3
export const REJECTED = 4
/** Kernel-internal: decoded, not judged yet. */
export const UNDECIDED = 255

/** Input channels, in the order in which the segments of a step are applied; the index is the kernel's topic code. */
export const CHANNELS = ['trades', 'quotes', 'bars'] as const
export type Channel = (typeof CHANNELS)[number]

/** Why a record was rejected (or is late): value of the header `ta-reason`; the index is the kernel's code. */
export const REASONS = [
  'none',
  'not_json', // not UTF-8, not JSON, or an empty or null value
  'not_object', // JSON, but not an object
  'missing_field', // a needed field is absent or null
  'wrong_kind', // a used field has the wrong JSON kind
  'bad_time', // an event time that is no RFC 3339 stamp and no epoch number
  'bad_price', // negative, not finite, or 0 in a trade
  'bad_size', // negative or not finite
  'bad_bar', // a bar whose high is below its low
  'future', // event time past the clock by more than TA_MAX_FUTURE_MS
  'bad_symbol', // empty or longer than 32 bytes
  'key_mismatch', // the record's key is null or not its symbol
  'too_large', // record over 1 MiB
  'too_many_symbols', // a symbol beyond TA_MAX_SYMBOLS
  'kernel_trap', // the kernel traps on it each time
  'late', // copied to the late topic
  'too_many_feeds', // more different feed names than a task keeps
] as const
export type Reason = (typeof REASONS)[number]

export const SYMBOL_BYTES_MAX = 32
export const RECORD_BYTES_MAX = 1_048_576
