/**
 * Settings from the environment, all checked before anything connects.
 * In: the environment. Out: `Settings`, or one SettingsError that names everything that is wrong. May import contract/ and market/.
 */
import { availableParallelism, hostname } from 'node:os'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { UserError } from '../contract/errors.ts'
import { findConflicts, type Problem } from './conflicts.ts'
import { isSecretProperty } from './kafka-config.ts'
import { WrongValue, type Definition, type DerivedDefault, type Host } from './kinds.ts'
import { nearestName } from './nearest-name.ts'
import { TABLE, type SettingKey, type Settings } from './table.ts'

export type { Problem } from './conflicts.ts'
export type { SettingKey, Settings } from './table.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment comes to: values (the default where one is wrong), where each is from, and all that is wrong. */
export interface Resolution {
  settings: Settings
  sources: Readonly<Record<SettingKey, 'default' | 'environment'>>
  problems: Problem[]
}

/** Everything that is wrong with the settings, a line each. Exit code 78. */
export class SettingsError extends UserError {
  readonly problems: readonly Problem[]
  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ name, problem, right }) => `${name} ${problem}: ${right}`)
    super(EXIT_SETTINGS, lines.length === 1 ? lines[0] : `${lines.length} settings are wrong:\n  ${lines.join('\n  ')}`, {
      hint: 'all settings: docs/settings.md, those in effect: ta config',
    })
    this.name = 'SettingsError'
    this.problems = problems
  }
}

/** Settings without which a command has nothing to work on. */
const NEEDS: Readonly<Record<string, readonly SettingKey[]>> = {
  run: ['kafkaBootstrap'],
  topics: ['kafkaBootstrap'],
  feed: ['kafkaBootstrap'],
  verify: ['kafkaBootstrap'],
  dlq: ['kafkaBootstrap'],
  reset: ['kafkaBootstrap'],
  doctor: ['kafkaBootstrap'],
  snapshot: ['snapshotUri'],
}

const KEYS = Object.keys(TABLE) as SettingKey[]
const NAMES = KEYS.map((key) => TABLE[key].name)
const KEY_OF = new Map(KEYS.map((key) => [TABLE[key].name, key]))

/** This machine, as far as defaults depend on it. */
export function thisHost(): Host {
  return { hostname: hostname(), cores: availableParallelism() }
}

/**
 * Reads and checks all settings, with those that `command` can't do without.
 * Throws SettingsError with everything that is wrong.
 */
export function readSettings(env: Environment, options: { command?: string; host?: Host } = {}): Settings {
  const { settings, problems } = resolveSettings(env, options)
  if (problems.length > 0) throw new SettingsError(problems)
  return settings
}

/** Like readSettings, but hands out what is wrong beside what is right. */
export function resolveSettings(env: Environment, options: { command?: string; host?: Host } = {}): Resolution {
  const host = options.host ?? thisHost()
  const problems = findUnknown(env)
  const values: Record<string, unknown> = {}
  const sources = {} as Record<SettingKey, 'default' | 'environment'>
  const wrong = new Set<string>()
  for (const key of KEYS) {
    const definition: Definition<unknown> = TABLE[key]
    const read = readOne(definition, env[definition.name])
    sources[key] = read.text === undefined ? 'default' : 'environment'
    if (read.problem) {
      problems.push(read.problem)
      wrong.add(key)
    }
    values[key] = read.text !== undefined && !read.problem ? read.value : defaultOf(definition, host, values)
  }
  const settings = values as Settings
  for (const { keys, problem } of findConflicts(settings)) {
    // What follows from a value that is wrong by itself would only be noise.
    if (!keys.some((key) => wrong.has(key))) problems.push(problem)
  }
  for (const key of NEEDS[options.command ?? ''] ?? []) {
    if (settings[key] === '' && !wrong.has(key)) problems.push(missing(key, options.command ?? ''))
  }
  return { settings, sources, problems }
}

function missing(key: SettingKey, command: string): Problem {
  const { name, kind } = TABLE[key]
  return { name, problem: `is not set, and ta ${command} needs it`, right: `give ${kind}` }
}

function readOne(definition: Definition<unknown>,
  raw: string | undefined): { text?: string; value?: unknown; problem?: Problem } {
  // Files and secrets mounted as variables often end in a newline. Spaces inside a password's ends may be meant.
  const text = definition.secret ? raw?.replace(/[\r\n]+$/, '') : raw?.trim()
  if (text === undefined || (text === '' && !definition.emptyMeansOff)) return {}
  try {
    return { text, value: definition.parse(text) }
  } catch (error) {
    if (!(error instanceof WrongValue)) throw error
    // TA_KAFKA_CONFIG and the like are quoted by their checks, entry by entry, where that is safe.
    const quoted = definition.secret || definition.kind === 'JSON object' || text.includes('@') ? '' : `"${text}" `
    return { text, problem: { name: definition.name, problem: `${quoted}${error.message}`,
      right: linkHint(text) ?? error.right } }
  }
}

function defaultOf(definition: Definition<unknown>, host: Host, others: Readonly<Record<string, unknown>>): unknown {
  const value = definition.default
  return isDerived(value) ? value.of(host, others) : value
}

/** Whether a default depends on the host or on other settings. */
export function isDerived(value: unknown): value is DerivedDefault<unknown> {
  return typeof value === 'object' && value !== null && 'of' in value
}

/** Kubernetes puts the addresses of services into the environment; one called `ta-http` collides with a setting. */
function linkHint(text: string): string | undefined {
  return /^(tcp|udp|sctp):\/\//.test(text) ? "this is Kubernetes' link to a service: set enableServiceLinks: false on the pod"
    : undefined
}

/** Variables that Kubernetes makes for a service whose name begins with `ta`. */
function isServiceLink(name: string, value: string): boolean {
  return /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$/.test(name) || /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
    (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value))
}

function findUnknown(env: Environment): Problem[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (!name.startsWith('TA_') || KEY_OF.has(name) || value === undefined || isServiceLink(name, value)) return []
    const meant = nearestName(name, NAMES)
    return [{ name, problem: 'is no setting', right: meant ? `did you mean ${meant}?` : 'take it out of the environment' }]
  })
}

export interface SettingRow {
  key: SettingKey
  name: string
  /** As text, secrets masked. */
  value: string
  source: 'default' | 'environment'
}

const MASK = '********'

/** Every setting with its effective value, in the table's order. Secrets are masked. */
export function describeSettings({ settings, sources }: Pick<Resolution, 'settings' | 'sources'>): SettingRow[] {
  return KEYS.map((key) => ({ key, name: TABLE[key].name, value: shownValue(key, settings), source: sources[key] }))
}

function shownValue(key: SettingKey, settings: Settings): string {
  const value = settings[key]
  if (TABLE[key].secret) return value === '' ? '' : MASK
  if (typeof value !== 'object') return String(value)
  const shown = Object.entries(value).map(([name, text]) => [name, key === 'kafkaConfig' && isSecretProperty(name) ? MASK : text])
  return shown.length === 0 ? '' : JSON.stringify(Object.fromEntries(shown))
}

/** All secret values in an environment, right or wrong: what must never be printed. */
export function secretsOf(env: Environment): string[] {
  const plain = KEYS.filter((key) => TABLE[key].secret).flatMap((key) => {
    const raw = env[TABLE[key].name]
    return raw ? [raw, raw.replace(/[\r\n]+$/, '')] : []
  })
  return [...new Set([...plain, ...configSecretsOf(env)])].filter((secret) => secret !== '')
}

function configSecretsOf(env: Environment): string[] {
  const raw = env[TABLE.kafkaConfig.name]
  if (!raw) return []
  try {
    const parsed = JSON.parse(raw) as Record<string, unknown>
    return Object.entries(parsed ?? {}).filter(([name]) => isSecretProperty(name)).map(([, value]) => String(value))
  } catch {
    // Not JSON: readSettings says so, without the text.
    return [raw]
  }
}
