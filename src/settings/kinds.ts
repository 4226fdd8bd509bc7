/** Kinds of settings: how a text from the environment becomes a value, and what is right where it doesn't. */
import { nearestName } from './nearest-name.ts'

/** What a default may depend on besides other settings. */
export interface Host {
  hostname: string
  cores: number
}

/** A default that depends on the host or on other settings; `text` says how, for the docs. */
export interface DerivedDefault<T> {
  text: string
  of(host: Host, others: Readonly<Record<string, unknown>>): T
}

export interface Definition<T> {
  /** Environment variable. */
  readonly name: string
  /** What values look like, for the docs. */
  readonly kind: string
  readonly default: T | DerivedDefault<T>
  /** Throws WrongValue. */
  readonly parse: (text: string) => T
  /** One line: what it does. */
  readonly text: string
  /** Never printed. */
  readonly secret: boolean
  /** Part of what a step's results follow from, so it is in the bundle. */
  readonly affectsResults: boolean
  /** Set but empty means off, not the default. */
  readonly emptyMeansOff: boolean
}

/** What is wrong with a value (`is …`) and what would be right. The reader adds the value, unless it is secret. */
export class WrongValue extends Error {
  readonly right: string
  constructor(problem: string, right: string) {
    super(problem)
    this.name = 'WrongValue'
    this.right = right
  }
}

interface More {
  secret?: boolean
  affectsResults?: boolean
  emptyMeansOff?: boolean
}

function define<T>(
  name: string, kind: string, value: T | DerivedDefault<T>, text: string, more: More, parse: (text: string) => T,
): Definition<T> {
  const { secret = false, affectsResults = false, emptyMeansOff = false } = more
  return { name, kind, default: value, parse, text, secret, affectsResults, emptyMeansOff }
}

/** Whole number in [min, max]. */
export function whole(
  name: string, value: number | DerivedDefault<number>, [min, max]: [number, number], text: string, more: More = {},
): Definition<number> {
  const right = `give a whole number from ${min} to ${max}`
  return define(name, `${min} to ${max}`, value, text, more, (raw) => {
    if (!/^\d{1,15}$/.test(raw)) throw new WrongValue('is no whole number', right)
    const number = Number(raw)
    if (number < min || number > max) throw new WrongValue(number < min ? 'is too small' : 'is too large', right)
    return number
  })
}

/** true or false. */
export function flag(name: string, value: boolean | DerivedDefault<boolean>, text: string, more: More = {}): Definition<boolean> {
  return define(name, 'true or false', value, text, more, (raw) => {
    const lower = raw.toLowerCase()
    if (lower === 'true' || lower === '1') return true
    if (lower === 'false' || lower === '0') return false
    throw new WrongValue('is neither true nor false', 'give true or false')
  })
}

/** One of a list of words. */
export function choice<const Words extends readonly string[]>(
  name: string, words: Words, value: Words[number], text: string, more: More = {},
): Definition<Words[number]> {
  return define<Words[number]>(name, words.map((word) => `\`${word}\``).join(', '), value, text, more, (raw) => {
    if (words.includes(raw)) return raw
    const nearest = nearestName(raw.toLowerCase(), words.map((word) => word.toLowerCase()))
    const meant = words.find((word) => word.toLowerCase() === nearest)
    throw new WrongValue(`is not one of ${words.join(', ')}`,
      meant ? `did you mean ${meant}?` : `give one of ${words.join(', ')}`)
  })
}

/** Any text, checked by `check` (throws WrongValue). */
export function words(
  name: string, kind: string, value: string | DerivedDefault<string>, text: string, more: More = {},
  check: (text: string) => void = () => {},
): Definition<string> {
  return define(name, kind, value, text, more, (raw) => {
    check(raw)
    return raw
  })
}

/** A Kafka topic's name; empty (off) only where `more.emptyMeansOff` says so. */
export function topic(name: string, value: string, text: string, more: More = {}): Definition<string> {
  return words(name, more.emptyMeansOff ? 'topic, empty = off' : 'topic', value, text, more, (raw) => {
    if (raw !== '') checkKafkaName(raw)
  })
}

/** Letters, digits, `.`, `_`, `-`, at most 249: Kafka's rule for topics and static members. */
export function checkKafkaName(raw: string): void {
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(raw) || raw === '.' || raw === '..') {
    throw new WrongValue('is no name that Kafka takes', 'use up to 249 letters, digits, dots, underscores and hyphens')
  }
}

/** A group id or the like: visible ASCII without spaces. */
export function checkPlainName(raw: string): void {
  if (!/^[\x21-\x7e]{1,200}$/.test(raw)) throw new WrongValue('is no usable name',
    'use up to 200 visible ASCII characters without spaces')
}

/** An http or https URL without credentials in it, as they would be shown. */
export function checkHttpUrl(raw: string): void {
  const right = 'give http://host:port or https://host:port'
  const url = URL.canParse(raw) ? new URL(raw) : undefined
  if (!url || !/^https?:$/.test(url.protocol)) throw new WrongValue('is no http or https URL', right)
  if (url.username || url.password) throw new WrongValue('holds a name or password', 'use the settings made for them')
}

/** A list of brokers: host:port, comma-separated. */
export function checkBootstrap(raw: string): void {
  for (const broker of raw.split(',')) {
    const parts = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/.exec(broker.trim())
    if (!parts || Number(parts[1]) < 1 || Number(parts[1]) > 65_535) {
      // What has an @ in it may be a password in the wrong place.
      const shown = broker.includes('@') ? 'a broker' : `the broker "${broker.trim()}"`
      throw new WrongValue(`has ${shown}, which is no host:port`, 'give host:port, or several with commas between')
    }
  }
}

/** Visible ASCII without spaces, as it has to fit into an HTTP header. */
export function checkToken(raw: string): void {
  if (!/^[\x21-\x7e]+$/.test(raw)) throw new WrongValue('holds spaces or characters that no HTTP header takes',
    'use visible ASCII')
}

/** A map from a JSON object of plain values of these types (texts, numbers and flags), every entry checked by `check` (throws WrongValue). */
export function map(
  name: string, kind: string, text: string, more: More, check: (key: string, value: string) => void,
  types: readonly string[] = ['string', 'number', 'boolean'],
): Definition<Readonly<Record<string, string>>> {
  return define<Readonly<Record<string, string>>>(name, kind, {}, text, more, (raw) => {
    const right = 'give a JSON object, such as {"key":"value"}'
    let parsed: unknown
    try {
      parsed = JSON.parse(raw)
    } catch {
      // The parser's message quotes the text, which may hold a secret.
      throw new WrongValue('is no JSON', right)
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new WrongValue('is no JSON object', right)
    const entries = Object.entries(parsed).map(([key, value]): [string, string] => {
      if (!types.includes(typeof value)) throw new WrongValue(`has no ${types.length === 1 ? 'text' : 'plain value'} for "${key}"`, right)
      check(key, String(value))
      return [key, String(value)]
    })
    return Object.fromEntries(entries)
  })
}
