/**
 * An input record as text → its source fields by name. Numbers keep their source text, so ids past 2^53 and epoch
 * stamps in ns stay exact. Where a field lies is a table; `TA_FIELD_MAP` replaces single rows of it.
 */

import type { Reason } from '../../src/contract/outcomes.ts'

/** Thrown while decoding: the record is rejected for this reason. */
export class Rejection extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}

/** A JSON number with the text it was written as. */
export class JsonNumber {
  readonly source: string
  readonly value: number
  constructor(source: string, value: number) {
    this.source = source
    this.value = value
  }
}

export type Json = null | boolean | string | JsonNumber | Json[] | { [name: string]: Json }

/** Fields and where they are looked for, best first. The names above the line are those of `TA_FIELD_MAP`. */
const SOURCES = {
  event_ts: ['event_ts', 'eventTs', 'payload.t'],
  feed: ['feed'],
  channel: ['channel'],
  symbol: ['symbol', 'payload.S'],
  seq: ['seq'],
  is_final: ['is_final', 'isFinal'],
  type: ['payload.T'],
  id: ['payload.i'],
  exchange: ['payload.x'],
  price: ['payload.p'],
  size: ['payload.s'],
  conditions: ['payload.c'],
  tape: ['payload.z'],
  bid_price: ['payload.bp'],
  bid_size: ['payload.bs'],
  ask_price: ['payload.ap'],
  ask_size: ['payload.as'],
  open: ['payload.o'],
  high: ['payload.h'],
  low: ['payload.l'],
  close: ['payload.c'],
  volume: ['payload.v'],
  vwap: ['payload.vw'],
  count: ['payload.n'],
  // ── not to be mapped: fields of corrections, and what only tells two quotes apart
  original_id: ['payload.oi'],
  corrected_id: ['payload.ci'],
  corrected_price: ['payload.cp'],
  corrected_size: ['payload.cs'],
  corrected_conditions: ['payload.cc'],
  bid_exchange: ['payload.bx'],
  ask_exchange: ['payload.ax'],
}
export type Field = keyof typeof SOURCES

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

type Reviver = (key: string, value: unknown) => unknown

/** UTF-8 JSON → value. Of a repeated key the last counts. Throws a Rejection. */
export function parseJson(bytes: Buffer): Json {
  const revive = (_key: string, value: unknown, context: { source: string }): unknown =>
    typeof value === 'number' ? new JsonNumber(context.source, value) : value
  try {
    // the third argument (the number's source text) is in Node 21 and later, not yet in TypeScript's es2024
    return JSON.parse(UTF8.decode(bytes), revive as Reviver)
  } catch {
    throw new Rejection('not_json')
  }
}

/** The fields of one record; each getter throws a Rejection where the kind is wrong. null is absent. */
export class Fields {
  private readonly root: Json
  private readonly fieldMap: Record<string, string>
  constructor(root: Json, fieldMap: Record<string, string>) {
    if (!isObject(root)) throw new Rejection('not_object')
    this.root = root
    this.fieldMap = fieldMap
  }

  /** The field as it is, undefined where it is absent or null. */
  get(field: Field): Json | undefined {
    const mapped = Object.hasOwn(this.fieldMap, field)
    for (const path of mapped ? [this.fieldMap[field]] : SOURCES[field]) {
      const found = at(this.root, path.split('.'))
      if (found !== undefined) return found
    }
    return undefined
  }

  text(field: Field): string | undefined {
    const found = this.get(field)
    if (found !== undefined && typeof found !== 'string') throw new Rejection('wrong_kind')
    return found
  }

  number(field: Field): number {
    return needed(this.optionalNumber(field))
  }

  optionalNumber(field: Field): number | undefined {
    const found = this.get(field)
    if (found !== undefined && !(found instanceof JsonNumber)) throw new Rejection('wrong_kind')
    return found?.value
  }

  /** A number or a string, as text: `5` and `"5"` are the same. */
  id(field: Field): string {
    const found = needed(this.get(field))
    if (found instanceof JsonNumber) return found.source
    if (typeof found !== 'string') throw new Rejection('wrong_kind')
    return found
  }

  boolean(field: Field): boolean | undefined {
    const found = this.get(field)
    if (found !== undefined && typeof found !== 'boolean') throw new Rejection('wrong_kind')
    return found
  }

  /** Where it is a number: an integer's text, so that it stays exact, else the value's. */
  numberText(field: Field): string | undefined {
    const found = this.get(field)
    if (found === undefined) return undefined
    if (!(found instanceof JsonNumber)) throw new Rejection('wrong_kind')
    return /^-?\d+$/.test(found.source) ? found.source : `number ${found.value}`
  }

  /** Codes from a list of strings, or from a plain string of which each character is one. */
  codes(field: Field): string[] {
    const found = this.get(field)
    if (found === undefined) return []
    if (typeof found === 'string') return [...found]
    if (!Array.isArray(found) || !found.every((item) => typeof item === 'string')) throw new Rejection('wrong_kind')
    return found
  }
}

function at(root: Json, path: string[]): Json | undefined {
  let here: Json = root
  for (const name of path) {
    if (!isObject(here) || !Object.hasOwn(here, name)) return undefined
    here = here[name]
  }
  return here === null ? undefined : here
}

function isObject(json: Json): json is { [name: string]: Json } {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof JsonNumber)
}

/** Throws where a needed field is absent. */
export function needed<T>(found: T | undefined): T {
  if (found === undefined) throw new Rejection('missing_field')
  return found
}
