/** The settings marked † in docs/settings.md are those that a bundle holds: a change of one is another bundle, of any other it is not. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readSettings } from '../settings/settings.ts'
import { TABLE } from '../settings/table.ts'
import { ownBundle } from './own-kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'ta-bundle-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const copied = (name: string, changed: (text: string) => string): string => {
  const path = join(folder, name)
  writeFileSync(path, changed(readFileSync(new URL(`../market/${name}`, import.meta.url), 'utf8')))
  return path
}

/** Another value of each setting that is marked. */
const OTHER: Record<string, string> = {
  TA_FIELD_MAP: '{"event_ts":"payload.when"}', TA_MAX_OUT_OF_ORDER_MS: '3000', TA_MAX_FUTURE_MS: '500', TA_MAX_SYMBOLS: '100', TA_QUOTE_DEDUPE: 'event_ts',
  TA_PROVISIONAL: 'false', TA_PROVISIONAL_DELAY_MS: '10', TA_PROVISIONAL_REFRESH_MS: '100', TA_PROVISIONAL_MAX_AGE_MS: '5000', TA_QUOTE_STALE_AFTER_MS: '1000',
  TA_SESSION: 'utc-day', TA_SALE_CONDITIONS: 'alpaca',
  TA_SALE_CONDITIONS_FILE: copied('sale-conditions.json', (text) => text.replace(/"updates_volume": true/, '"updates_volume": false').replace(/"volume": true/, '"volume": false')),
}
const hashWith = (more: Record<string, string>): string =>
  ownBundle(readSettings({ TA_KAFKA_BOOTSTRAP: 'broker:9092', ...more }, { command: 'run' })).hash
const marked = Object.values(TABLE).filter(({ affectsResults }) => affectsResults).map(({ name }) => name)

it('is of the marked settings', () => {
  expect(marked).toEqual(expect.arrayContaining(Object.keys(OTHER)))
  expect(marked.filter((name) => !Object.hasOwn(OTHER, name))).toEqual([])
})

it.each(marked)('changes with %s', (name) => {
  const alone: Record<string, string> = name === 'TA_SALE_CONDITIONS_FILE' ? { TA_SALE_CONDITIONS: 'alpaca' } : {}
  expect(hashWith({ ...alone, [name]: OTHER[name] })).not.toBe(hashWith(alone))
})

it('changes with no other', () => {
  const others = { TA_LATE_TOPIC: 'elsewhere', TA_DLQ_MAX_BYTES: '70000', TA_EPOCH_MAX_MS: '200', TA_WORKERS: '2', TA_QUOTES_TOPIC: '', TA_SNAPSHOT_RETAIN: '3' }
  expect(Object.keys(others).filter((name) => marked.includes(name))).toEqual([])
  expect(hashWith(others)).toBe(hashWith({}))
})
