/**
 * What every command is made of: its shape (name, usage, options, arguments), from which the arguments are checked and the
 * help text is made, and what it is handed. A command is `async function <name>(args, context): Promise<exit code>`.
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { UserError } from '../contract/errors.ts'
import { EXIT_OK, EXIT_USAGE } from '../contract/exit-codes.ts'
import { nearestName } from '../settings/nearest-name.ts'
import type { Environment } from '../settings/settings.ts'

/** What main hands to a command. */
export interface CommandContext {
  env: Environment
  version: string
  /** Writes data (stdout). */
  print(text: string): void
  /** Aborted by the first SIGTERM or SIGINT; the signals end the process at once until somebody has asked for it. */
  readonly stop: AbortSignal
}

/** One `--option`. `integer` is a whole number in [min, max]. */
export type OptionShape =
  | { type: 'boolean'; text: string }
  | { type: 'string'; value: string; text: string; required?: boolean; oneOf?: readonly string[] }
  | { type: 'integer'; value: string; text: string; required?: boolean; min?: number; max?: number }

/** A command as data. Positional arguments: at least `min`, at most `max`. */
export interface CommandShape<Options extends Record<string, OptionShape> = Record<string, OptionShape>> {
  name: string
  /** One line: what it does. */
  summary: string
  /** Arguments after the name, as in `check|apply [--json]`. */
  usage: string
  options: Options
  positionals?: { name: string; min: number; max: number; oneOf?: readonly string[] }
  /** More lines for --help. */
  notes?: readonly string[]
}

type ValueOf<O extends OptionShape> =
  O extends { type: 'boolean' } ? boolean :
  O extends { type: 'string'; required: true } ? string :
  O extends { type: 'integer'; required: true } ? number :
  O extends { type: 'string' } ? string | undefined : number | undefined

export interface Arguments<Options extends Record<string, OptionShape>> {
  options: { [K in keyof Options]: ValueOf<Options[K]> }
  positionals: string[]
}

/** Gives the shape the type of its options. */
export function commandShape<const Options extends Record<string, OptionShape>>(
  shape: CommandShape<Options>,
): CommandShape<Options> {
  return shape
}

/** Checks the arguments and calls `run` with them; `--help` prints the help and ends. Throws UserError 64 for wrong ones. */
export async function withArguments<Options extends Record<string, OptionShape>>(
  shape: CommandShape<Options>, args: string[], context: Pick<CommandContext, 'print'>,
  run: (parsed: Arguments<Options>) => Promise<number> | number,
): Promise<number> {
  // What follows `--` are arguments, not options.
  const end = args.indexOf('--')
  if ((end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h')) {
    context.print(helpText(shape))
    return EXIT_OK
  }
  return await run(parseArguments(shape, args))
}

/** Checks the arguments against the shape; throws UserError 64 with what is wrong and what is right. */
export function parseArguments<Options extends Record<string, OptionShape>>(
  shape: CommandShape<Options>, args: string[],
): Arguments<Options> {
  const config: ParseArgsOptionsConfig = {}
  for (const [name, option] of Object.entries(shape.options)) {
    config[name] = { type: option.type === 'boolean' ? 'boolean' : 'string' }
  }
  const { tokens } = parseArgs({ args, options: config, allowPositionals: true, strict: false, tokens: true })
  const values: Record<string, unknown> = {}
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = shape.options[token.name]
    if (!option) throw unknownOption(shape, token.rawName)
    if (token.name in values) throw usageError(shape, `--${token.name} is given twice`)
    values[token.name] = optionValue(shape, token.name, option, token.value)
  }
  for (const [name, option] of Object.entries(shape.options)) {
    if (option.type === 'boolean') values[name] ??= false
    else if (option.required && values[name] === undefined) throw usageError(shape, `--${name} ${option.value} is missing`)
  }
  checkPositionals(shape, positionals)
  return { options: values as Arguments<Options>['options'], positionals }
}

/** A wrong use of a command: exit code 64 and where to read on. */
export function usageError(shape: Pick<CommandShape, 'name'>, sentence: string): UserError {
  return new UserError(EXIT_USAGE, sentence, { hint: `see: ta ${shape.name} --help` })
}

function unknownOption(shape: CommandShape<Record<string, OptionShape>>, rawName: string): UserError {
  const meant = rawName.startsWith('--') ? nearestName(rawName.slice(2), Object.keys(shape.options)) : undefined
  return usageError(shape, `ta ${shape.name} has no option ${rawName}${meant ? `, did you mean --${meant}?` : ''}`)
}

function optionValue(shape: Pick<CommandShape, 'name'>, name: string, option: OptionShape, value: string | undefined): unknown {
  if (option.type === 'boolean') {
    if (value !== undefined) throw usageError(shape, `--${name} takes no value`)
    return true
  }
  // parseArgs without `strict` takes what follows as the value even if it is an option, and leaves it out at the end.
  if (value === undefined || value === '' || value.startsWith('--')) throw usageError(shape,
    `--${name} needs a value, ${option.value}`)
  if (option.type === 'string') {
    if (option.oneOf && !option.oneOf.includes(value)) throw usageError(shape,
      `--${name} is one of ${option.oneOf.join(', ')}, not "${value}"`)
    return value
  }
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = option
  const number = Number(value)
  if (!/^-?\d+$/.test(value) || number < min || number > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`
    throw usageError(shape, `--${name} takes a whole number ${range}, not "${value}"`)
  }
  return number
}

function checkPositionals(shape: CommandShape<Record<string, OptionShape>>, positionals: string[]): void {
  const { name = '', min = 0, max = 0, oneOf } = shape.positionals ?? {}
  if (positionals.length < min) throw usageError(shape, `ta ${shape.name} needs ${name}: ta ${shape.name} ${shape.usage}`)
  if (positionals.length > max) throw usageError(shape, `ta ${shape.name} does not know what to do with "${positionals[max]}"`)
  const first = positionals[0]
  if (!oneOf || first === undefined || oneOf.includes(first)) return
  const meant = nearestName(first, oneOf)
  const question = meant ? `, did you mean ${meant}?` : ''
  throw usageError(shape, `ta ${shape.name} takes ${oneOf.join(' or ')}, not "${first}"${question}`)
}

/** Text for --help, made from the shape. */
export function helpText(shape: CommandShape<Record<string, OptionShape>>): string {
  const options = Object.entries(shape.options).map(([name, option]): [string, string] =>
    [`--${name}${option.type === 'boolean' ? '' : ` ${option.value}`}`, option.text])
  const rows: [string, string][] = [...options, ['--help', 'this text']]
  const width = Math.max(...rows.map(([left]) => left.length))
  return [
    `ta ${shape.name}: ${shape.summary}`, '', `usage: ta ${shape.name} ${shape.usage}`.trimEnd(), '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`),
    ...(shape.notes ? ['', ...shape.notes] : []), '',
  ].join('\n')
}

/** Rows as columns of equal width, the first row the head. Ends in a newline. */
export function tableText(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return `${rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd()).join('\n')}\n`
}
