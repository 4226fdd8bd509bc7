/** The published JSON Schemas as checks: what is wrong with an output, in words. */
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'

const SCHEMAS = new URL('../../schemas/', import.meta.url)

export const SCHEMA_NAMES = ['ta.bars.1s.v1', 'ta.signals.v1', 'ta.status.v1'] as const
export type SchemaName = (typeof SCHEMA_NAMES)[number]

/** Strict: a keyword that the schema language does not have is an error, too. */
const ajv = new Ajv2020({ strict: true, strictTypes: false })
const validators = new Map<SchemaName, ValidateFunction>()

function validatorOf(name: SchemaName): ValidateFunction {
  const known = validators.get(name)
  if (known) return known
  const validate = ajv.compile(JSON.parse(readFileSync(new URL(`${name}.schema.json`, SCHEMAS), 'utf8')) as object)
  validators.set(name, validate)
  return validate
}

/** What a parsed output is against its schema; empty when nothing. */
export function schemaFaults(name: SchemaName, value: unknown): string[] {
  const validate = validatorOf(name)
  if (validate(value)) return []
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
}

/** Faults of the first outputs that have some. */
export function faultsOfAll(name: SchemaName, values: unknown[]): string[] {
  const faulty = values.map((value) => ({ value, faults: schemaFaults(name, value) })).filter(({ faults }) => faults.length > 0)
  return faulty.slice(0, 3).map(({ value, faults }) => `${faults.join('; ')} in ${JSON.stringify(value)}`)
}
