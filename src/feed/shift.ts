import { unitsPerSecond } from '../contract/stamp.ts'

/**
 * Moves the stamps of an envelope by whole seconds, in its text: every other byte, the fraction digits, the offset and
 * the unit stay as they are. The text must be valid JSON already.
 */

const RFC_3339_TEXT = /^"(\d{4})-(\d\d)-(\d\d)([Tt ])(\d\d):(\d\d):(\d\d)((?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d))"$/
const WHOLE_NUMBER = /^-?\d+$/

/** The line with all stamps at `paths` (dotted) moved; a stamp that can't be read stays. */
export function shiftStamps(line: Buffer, shiftSeconds: number, paths: ReadonlySet<string>): Buffer {
  // latin1 maps bytes to code units one to one, so what isn't touched comes out byte for byte.
  const text = line.toString('latin1')
  const spans: Span[] = []
  findSpans(text, skipSpace(text, 0), '', paths, spans)
  let shifted = ''
  let from = 0
  for (const span of spans) {
    shifted += text.slice(from, span.from) + shiftStampText(text.slice(span.from, span.to), shiftSeconds)
    from = span.to
  }
  return Buffer.from(shifted + text.slice(from), 'latin1')
}

/** One JSON value's text, moved; the same text when it is no stamp. */
export function shiftStampText(text: string, shiftSeconds: number): string {
  const match = RFC_3339_TEXT.exec(text)
  if (match !== null) {
    const [, year, month, day, separator, hour, minute, second, rest] = match
    const localMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
    const moved = new Date(localMs + shiftSeconds * 1000).toISOString()
    return `"${moved.slice(0, 10)}${separator}${moved.slice(11, 19)}${rest}"`
  }
  const value = Number(text)
  if (text === '' || text.startsWith('"') || !Number.isFinite(value)) return text
  const units = unitsPerSecond(value)
  // Epoch ns are beyond 2^53, so whole numbers are moved as whole numbers.
  if (WHOLE_NUMBER.test(text)) return String(BigInt(text) + BigInt(shiftSeconds) * BigInt(units))
  const [whole, fraction] = text.split('.')
  if (fraction !== undefined && WHOLE_NUMBER.test(whole) && !/[eE]/.test(fraction) && value >= 0) {
    return `${BigInt(whole) + BigInt(shiftSeconds) * BigInt(units)}.${fraction}`
  }
  return String(value + shiftSeconds * units)
}

interface Span {
  from: number
  to: number
}

/** Collects where the values at the wanted paths stand; `at` is an opening brace. Returns the place after the closing one. */
function findSpans(text: string, at: number, prefix: string, wanted: ReadonlySet<string>, spans: Span[]): number {
  if (text[at] !== '{') return skipValue(text, at)
  at = skipSpace(text, at + 1)
  while (text[at] === '"') {
    const keyEnd = skipString(text, at)
    const key = text.slice(at + 1, keyEnd - 1)
    const path = prefix + (key.includes('\\') ? (JSON.parse(text.slice(at, keyEnd)) as string) : key)
    const valueFrom = skipSpace(text, skipSpace(text, keyEnd) + 1)
    const valueTo = leadsTo(path, wanted) ? findSpans(text, valueFrom, `${path}.`, wanted, spans) : skipValue(text, valueFrom)
    if (wanted.has(path) && text[valueFrom] !== '{') spans.push({ from: valueFrom, to: valueTo })
    at = skipSpace(text, valueTo)
    if (text[at] === ',') at = skipSpace(text, at + 1)
  }
  return at + 1
}

function leadsTo(path: string, wanted: ReadonlySet<string>): boolean {
  for (const want of wanted) if (want.startsWith(`${path}.`)) return true
  return false
}

function skipSpace(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\t' || text[at] === '\n' || text[at] === '\r') at++
  return at
}

function skipString(text: string, at: number): number {
  for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++
  return at + 1
}

function skipValue(text: string, at: number): number {
  if (text[at] === '"') return skipString(text, at)
  if (text[at] !== '{' && text[at] !== '[') {
    while (at < text.length && !',}] \t\r\n'.includes(text[at])) at++
    return at
  }
  let depth = 0
  do {
    const char = text[at]
    if (char === '"') {
      at = skipString(text, at)
      continue
    }
    if (char === '{' || char === '[') depth++
    if (char === '}' || char === ']') depth--
    at++
  } while (depth > 0)
  return at
}
