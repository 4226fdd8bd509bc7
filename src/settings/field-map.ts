import { WrongValue } from './kinds.ts'
import { nearestName } from './nearest-name.ts'

/** Source fields that TA_FIELD_MAP can re-point. */
export const MAPPABLE_FIELDS = [
  'event_ts', 'ingest_ts', 'feed', 'channel', 'symbol', 'seq', 'is_final', 'type', 'id', 'exchange', 'price', 'size',
  'conditions', 'tape', 'bid_price', 'bid_size', 'ask_price', 'ask_size', 'open', 'high', 'low', 'close', 'volume', 'vwap',
  'count',
] as const
export type MappableField = (typeof MAPPABLE_FIELDS)[number]

/** One entry of TA_FIELD_MAP: a known field to a path of keys with dots between; throws WrongValue. */
export function checkFieldPath(field: string, path: string): void {
  if (!(MAPPABLE_FIELDS as readonly string[]).includes(field)) {
    const meant = nearestName(field, MAPPABLE_FIELDS)
    throw new WrongValue(`maps "${field}", which is no field`,
      meant ? `did you mean ${meant}?` : `the fields are ${MAPPABLE_FIELDS.join(', ')}`)
  }
  if (!/^[^.\s]+(\.[^.\s]+)*$/.test(path)) {
    throw new WrongValue(`gives ${field} the path "${path}"`, 'a path is keys with dots between, such as payload.price')
  }
}
