/**
 * A bench's options. In: its arguments and, by name, what each option is. Out: their values, or one sentence that says what is
 * wrong with them, and exit code 64.
 */
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { UserError } from '../src/contract/errors.ts'
import { EXIT_USAGE } from '../src/contract/exit-codes.ts'
import { nearestName } from '../src/settings/nearest-name.ts'

/** One option: its value where it is not given, and how a text becomes one. `read` gives undefined for a text that can't be one. */
export interface Option<Value> {
  preset: Value
  wanted: string
  read(text: string): Value | undefined
}

type ValuesOf<Options> = { [Name in keyof Options]: Options[Name] extends Option<infer Value> ? Value : never }

const readWhole = (text: string, min: number): number | undefined => {
  const value = Number(text)
  return /^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min ? value : undefined
}

/** A whole number, `min` or more. */
export const whole = (preset: number, min = 1): Option<number> => ({ preset, wanted: `a whole number from ${min} on`, read: (text) => readWhole(text, min) })

/** A whole number from 1 on, or what the program does by itself where it is not given. */
export const wholeOrDefault = (): Option<number | 'default'> => ({ ...whole(1), preset: 'default' })

/** Whole numbers from 1 on; none for an empty text. */
export const wholes = (...preset: number[]): Option<number[]> => ({
  preset,
  wanted: 'whole numbers from 1 on with commas between them',
  read: (text) => {
    const values = text === '' ? [] : text.split(',').map((part) => readWhole(part, 1))
    return values.every((value) => value !== undefined) ? values : undefined
  },
})

export const text = (preset: string): Option<string> => ({ preset, wanted: 'a text', read: (value) => value })

/** Names a file of bench/results/. */
export const resultName = (preset: string): Option<string> => ({
  preset, wanted: 'a name of letters, digits, dots and dashes, as of a file without its ending', read: (name) => (/^\w[\w.-]*$/.test(name) ? name : undefined),
})

/** Values of all options. Throws UserError 64 for an argument that is none of them, or can't be what it should. */
export function parseOptions<Options extends Record<string, Option<unknown>>>(program: string, options: Options, args: string[]): ValuesOf<Options> {
  const config = Object.fromEntries(Object.keys(options).map((name) => [name, { type: 'string' as const }]))
  const { tokens } = parseArgs({ args, options: config, strict: false, allowPositionals: true, tokens: true })
  const values: Record<string, unknown> = Object.fromEntries(Object.entries(options).map(([name, { preset }]) => [name, preset]))
  const wrong = (sentence: string): UserError => new UserError(EXIT_USAGE, `${program}: ${sentence}`)
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') throw wrong(`"${token.value}" is not an option; it takes ${listOf(options)}.`)
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined
    if (option === undefined) {
      const meant = nearestName(token.name, Object.keys(options))
      throw wrong(`there is no option ${token.rawName}${meant === undefined ? '.' : `, did you mean --${meant}?`} It takes ${listOf(options)}.`)
    }
    // without `strict` the next option would be taken for the value
    const isMissing = token.value === undefined || (token.inlineValue === false && token.value.startsWith('--'))
    const value = isMissing ? undefined : option.read(token.value as string)
    if (value === undefined) throw wrong(`--${token.name} wants ${option.wanted}${isMissing ? '' : `, not "${token.value}"`}.`)
    values[token.name] = value
  }
  return values as ValuesOf<Options>
}

const listOf = (options: Record<string, unknown>): string => Object.keys(options).map((name) => `--${name}`).join(', ')

/** Says in a sentence what can't be done as it was asked for, and ends the process. */
export function refuse(sentence: string): never {
  console.error(`bench: ${sentence}`)
  process.exit(EXIT_USAGE)
}

/** What this process was called with; says what is wrong with it and ends the process. */
export function readOptions<Options extends Record<string, Option<unknown>>>(options: Options): ValuesOf<Options> {
  try {
    return parseOptions(basename(process.argv[1], '.ts'), options, process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    refuse(error.message)
  }
}
