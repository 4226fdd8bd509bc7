/** Files with a market's rules: the product's own beside this one, or a user's in their place. Strictly checked. */
import { readFileSync } from 'node:fs'
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'

/** A file that can't be used: what is wrong with it, and what would be right. */
export class WrongMarketFile extends UserError {
  readonly problem: string
  readonly right: string
  constructor(problem: string, right: string, options?: { cause?: unknown }) {
    super(EXIT_SETTINGS, `the file ${problem}: ${right}`, options)
    this.name = 'WrongMarketFile'
    this.problem = problem
    this.right = right
  }
}

/** Text of the file at `path`, or of the product's own where `path` is empty. Throws WrongMarketFile. */
export function readMarketFile(path: string, own: URL): string {
  try {
    return readFileSync(path === '' ? own : path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const problem = code === 'ENOENT' ? 'does not exist' : code === 'EISDIR' ? 'is no file' : `can't be read (${code ?? 'unknown error'})`
    throw new WrongMarketFile(problem, 'give a file that this user may read', { cause })
  }
}

/** The JSON object in `text` with exactly these keys. Throws WrongMarketFile; `right` says what to give. */
export function parseObject(text: string, keys: readonly string[], right: string): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new WrongMarketFile('holds no JSON', right, { cause })
  }
  return objectOf(parsed, 'the file', keys, right)
}

/** `value` as an object with exactly these keys (those that end in ? may be absent). Throws WrongMarketFile; `where` names it. */
export function objectOf(value: unknown, where: string, keys: readonly string[], right: string): Record<string, unknown> {
  const has = where === 'the file' ? '' : `has ${where}, which `
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WrongMarketFile(`${has}is no JSON object`, right)
  const names = keys.map((key) => key.replace('?', ''))
  const strange = Object.keys(value).find((key) => !names.includes(key))
  if (strange !== undefined) throw new WrongMarketFile(`${has}has the key "${strange}", which is none of ${names.join(', ')}`, right)
  const missing = keys.find((key) => !key.endsWith('?') && !Object.hasOwn(value, key))
  if (missing !== undefined) throw new WrongMarketFile(`${has}lacks the key "${missing}"`, right)
  return value as Record<string, unknown>
}
