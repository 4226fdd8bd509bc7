/**
 * Which sale conditions, on which tapes, let a trade update which part of a bar. The table is data: sale-conditions.json, with
 * its source and date, or a user's file in its place (TA_SALE_CONDITIONS_FILE). It is resolved into the bundle's masks.
 */
import { objectOf, parseObject, readMarketFile, WrongMarketFile } from './market-file.ts'

/** Tapes, in the order of the kernel's masks: A NYSE-listed, B other CTA, C Nasdaq-listed, O over the counter. */
export const TAPES = ['A', 'B', 'C', 'O'] as const

/** One code with one meaning. */
export interface ConditionRule {
  /** One visible ASCII character or the space. */
  code: string
  meaning: string
  /** Tapes on which the code has this meaning, such as `ABC`. */
  tapes: string
  /** A trade with it updates open, high, low and close. */
  price: boolean
  /** A trade with it counts in volume and count. */
  volume: boolean
}

const OWN = new URL('./sale-conditions.json', import.meta.url)
const RIGHT = 'give a table like src/market/sale-conditions.json'
const KEYS = ['about?', 'source', 'read_on', 'conditions']
const RULE_KEYS = ['code', 'meaning', 'tapes', 'open_close', 'high_low', 'volume']

/** The table at `path`, or Alpaca's where it is empty. Throws WrongMarketFile (78). */
export function readSaleConditions(path = ''): ConditionRule[] {
  return parseSaleConditions(readMarketFile(path, OWN))
}

/** Checks and reads a table. Throws WrongMarketFile that names the first thing that is wrong. */
export function parseSaleConditions(text: string): ConditionRule[] {
  const { source, read_on: readOn, conditions } = parseObject(text, KEYS, RIGHT)
  for (const [key, value] of Object.entries({ source, read_on: readOn })) {
    if (typeof value !== 'string' || value === '') throw new WrongMarketFile(`has no text for "${key}"`, RIGHT)
  }
  if (!Array.isArray(conditions) || conditions.length === 0) throw new WrongMarketFile('has no list "conditions" with entries', RIGHT)
  const seen = new Set<string>()
  return conditions.map((entry, i) => {
    const rule = ruleOf(objectOf(entry, `condition ${i + 1}`, RULE_KEYS, RIGHT), i + 1)
    for (const tape of rule.tapes) {
      if (seen.has(tape + rule.code)) throw new WrongMarketFile(`has two rules for "${rule.code}" on tape ${tape}`, 'give one')
      seen.add(tape + rule.code)
    }
    return rule
  })
}

function ruleOf(entry: Record<string, unknown>, number: number): ConditionRule {
  const { code, meaning, tapes, open_close: openClose, high_low: highLow, volume } = entry
  const wrong = (problem: string, right: string): WrongMarketFile => new WrongMarketFile(`has condition ${number}, which ${problem}`, right)
  if (typeof code !== 'string' || !/^[\x20-\x7e]$/.test(code)) throw wrong('has no code of one ASCII character', RIGHT)
  if (typeof meaning !== 'string') throw wrong(`("${code}") has no text for its meaning`, RIGHT)
  if (typeof tapes !== 'string' || !/^[ABCO]{1,4}$/.test(tapes) || new Set(tapes).size !== tapes.length) {
    throw wrong(`("${code}") has no tapes out of A, B, C, O, each once`, RIGHT)
  }
  if (typeof openClose !== 'boolean' || typeof highLow !== 'boolean' || typeof volume !== 'boolean') {
    throw wrong(`("${code}") lacks true or false for open_close, high_low or volume`, RIGHT)
  }
  // the kernel knows eligible in price, and in volume: no code of Alpaca's minute column parts open and close from high and low
  if (openClose !== highLow) throw wrong(`("${code}") differs in open_close and high_low`, 'give both the same, as bars know one rule for prices')
  return { code, meaning, tapes, price: openClose, volume }
}
