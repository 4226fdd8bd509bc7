/** librdkafka's error codes (rdkafka.h, 2.12) → LogError. */
import { LogError, type LogErrorKind } from '../ports/log.ts'
import { NativeCallError } from './binding.ts'

export const ERR__ASSIGN_PARTITIONS = -175
export const ERR__REVOKE_PARTITIONS = -174
export const ERR__QUEUE_FULL = -184
export const ERR__TIMED_OUT = -185
export const ERR__AUTO_OFFSET_RESET = -140
export const ERR_FENCED_INSTANCE_ID = 82
export const ERR__STATE = -172
export const ERR__FATAL = -150
export const ERR_TOPIC_ALREADY_EXISTS = 36

/** ERR__AUTHENTICATION, ERR__SSL, SASL_AUTHENTICATION_FAILED. */
export const AUTHENTICATION_CODES: readonly number[] = [-169, -181, 58]
const OUT_OF_RANGE_CODES: readonly number[] = [1, ERR__AUTO_OFFSET_RESET]
/** UNKNOWN_TOPIC_OR_PART, ERR__UNKNOWN_PARTITION, ERR__UNKNOWN_TOPIC, UNKNOWN_TOPIC_ID. */
const MISSING_CODES: readonly number[] = [3, -190, -188, 100]
/** Topic, group, cluster, transactional id. */
const AUTHORIZATION_CODES: readonly number[] = [29, 30, 31, 53]
/** ERR__FENCED, PRODUCER_FENCED, INVALID_PRODUCER_EPOCH. */
const FENCED_CODES: readonly number[] = [-144, 90, 47]

/** True when another producer with the same transactional id has taken over. */
export function isFencing(code: number): boolean {
  return FENCED_CODES.includes(code)
}

/** Kind of an error by its code; `otherwise` where the code says nothing of its own. */
export function kindOf(code: number, otherwise: LogErrorKind): LogErrorKind {
  if (isFencing(code)) return 'fenced'
  if (OUT_OF_RANGE_CODES.includes(code)) return 'out_of_range'
  if (MISSING_CODES.includes(code)) return 'missing'
  if (AUTHORIZATION_CODES.includes(code)) return 'authorization'
  if (AUTHENTICATION_CODES.includes(code)) return 'auth'
  return otherwise
}

/** A native error as LogError: `doing` begins the sentence ("Reading the offsets of t"). */
export function asLogError(error: unknown, doing: string, where?: { topic?: string; partition?: number },
  otherwise: LogErrorKind = 'outside'): LogError {
  if (error instanceof LogError) return error
  const code = error instanceof NativeCallError ? error.code : Number.NaN
  return new LogError(kindOf(code, otherwise), `${doing} failed: ${(error as Error).message}`, where, { cause: error })
}
