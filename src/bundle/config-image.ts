/**
 * The config image: every setting that changes results, as the kernel reads it. Same bytes, same results.
 *
 * In:  ResultSettings. Out: bytes for CONFIG_BASE. Imports: state's layout, market, this room.
 */
import { CONFIG_BASE, CONFIG_BYTES, CONFIG_CELLS, configCell } from '../state/layout.ts'
import type { ConfigCell } from '../state/layout.ts'
import { layoutHash } from '../state/layout-parts.ts'
import type { ConditionRule } from '../market/sale-conditions.ts'
import { buildFieldTrie } from './field-trie.ts'
import { conditionMasks } from './sale-conditions.ts'
import { zoneTable } from './zone.ts'

/** Settings that change results; whoever changes one starts a new bundle. */
export interface ResultSettings {
  latenessMs: number
  maxFutureMs: number
  maxSymbols: number
  provisional: boolean
  provisionalDelayMs: number
  provisionalRefreshMs: number
  provisionalMaxAgeMs: number
  quoteStaleAfterMs: number
  quoteDedupe: 'seq' | 'event_ts'
  session: 'us-equity' | 'us-equity-extended' | 'utc-day'
  saleConditions: 'all' | 'alpaca'
  /** Sale conditions in place of Alpaca's. */
  conditionRules?: readonly ConditionRule[]
  fieldMap: Readonly<Record<string, string>>
}

const NS_PER_MS = 1_000_000
const SESSIONS = ['us-equity', 'us-equity-extended', 'utc-day'] as const

/** Cells, then zone table, condition masks and field trie, each 8-byte aligned. Throws RangeError when it doesn't fit. */
export function configImage(settings: ResultSettings): Uint8Array {
  const zone = zoneTable()
  const masks = conditionMasks(settings.conditionRules)
  const trie = buildFieldTrie(settings.fieldMap)
  const zoneOffset = CONFIG_CELLS.length * 8
  const conditionsOffset = zoneOffset + zone.length * 16
  const fieldTrieOffset = conditionsOffset + masks.byteLength
  const imageBytes = Math.ceil((fieldTrieOffset + trie.length) / 8) * 8
  if (imageBytes > CONFIG_BYTES) throw new RangeError(`the config image has ${imageBytes} bytes, ${CONFIG_BYTES} is the most`)
  const image = new Uint8Array(imageBytes)
  const words = new BigInt64Array(image.buffer)
  const cells: Record<ConfigCell, number> = {
    latenessNs: settings.latenessMs * NS_PER_MS,
    maxFutureNs: settings.maxFutureMs * NS_PER_MS,
    provisional: settings.provisional ? 1 : 0,
    provisionalDelayMs: settings.provisionalDelayMs,
    provisionalRefreshMs: settings.provisionalRefreshMs,
    provisionalMaxAgeMs: settings.provisionalMaxAgeMs,
    quoteStaleAfterNs: settings.quoteStaleAfterMs * NS_PER_MS,
    quoteDedupe: settings.quoteDedupe === 'event_ts' ? 1 : 0,
    session: SESSIONS.indexOf(settings.session),
    saleConditions: settings.saleConditions === 'alpaca' ? 1 : 0,
    maxSymbols: settings.maxSymbols,
    zoneOffset,
    zoneCount: zone.length,
    conditionsOffset,
    fieldTrieOffset,
    imageBytes,
    layoutHash: layoutHash(),
  }
  for (const name of CONFIG_CELLS) words[(configCell(name) - CONFIG_BASE) / 8] = BigInt(cells[name])
  zone.forEach(([second, offset], i) => words.set([BigInt(second), BigInt(offset)], zoneOffset / 8 + 2 * i))
  new BigUint64Array(image.buffer, conditionsOffset, masks.length).set(masks)
  image.set(trie, fieldTrieOffset)
  return image
}
