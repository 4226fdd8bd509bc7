/** Writes assembly/layout.ts and assembly/encode/literals.ts: `npm run layout`. A test asserts that both are in step. */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { OUTPUT_TEXT } from '../contract/output-text.ts'
import * as layout from './layout.ts'
import { layoutHash } from './layout-parts.ts'

const constant = (name: string): string =>
  name.replace(/[.]/g, '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()

/** The text of assembly/layout.ts. */
export function layoutSource(): string {
  const lines = ['// Made from src/state/layout.ts by `npm run layout`: change it there.', '']
  const put = (name: string, value: number): void => void lines.push(`export const ${name}: i32 = ${value}`)
  put('LAYOUT_VERSION', layout.LAYOUT_VERSION)
  put('LAYOUT_HASH', layoutHash())
  put('MAGIC', layout.MAGIC)
  put('HEADER_BASE', layout.HEADER_BASE)
  put('CONFIG_BASE', layout.CONFIG_BASE)
  put('BATCH_ROWS', layout.BATCH_ROWS)
  put('SCRATCH_BASE', layout.SCRATCH_BASE)
  put('TEXT_BASE', layout.TEXT_BASE)
  put('STATE_BASE', layout.STATE_BASE)
  put('VWAP_SECONDS', layout.VWAP_SECONDS)
  put('BOLLINGER_BARS', layout.BOLLINGER_BARS)
  put('VOLATILITY_BARS', layout.VOLATILITY_BARS)
  put('MINUTE_VWAP_BARS', layout.MINUTE_VWAP_BARS)
  put('MINUTE_SEEN', layout.MINUTE_SEEN)
  put('MINUTE_CHECKS', layout.MINUTE_CHECKS)
  put('UNCHECKED_BARS_MAX', layout.UNCHECKED_BARS_MAX)
  put('TRADE_KEY_BYTES', layout.TRADE_KEY_BYTES)
  put('FEED_BYTES_MAX', layout.FEED_BYTES_MAX)
  put('FEEDS_MAX', layout.FEEDS_MAX)
  lines.push('', '// header cells (absolute addresses, 8 bytes each)')
  for (const name of [...layout.WORK_CELLS, ...layout.STATE_CELLS]) put(`H_${constant(name)}`, layout.headerCell(name))
  lines.push('', '// config cells (absolute addresses, i64 each)')
  for (const name of layout.CONFIG_CELLS) put(`CFG_${constant(name)}`, layout.configCell(name))
  lines.push('', '// batch columns (absolute addresses)')
  for (const [name, at] of Object.entries(layout.INPUT.at)) put(`IN_${constant(name)}`, at)
  lines.push('', '// decoded columns (absolute addresses)')
  for (const [name, at] of Object.entries(layout.DECODED.at)) put(`D_${constant(name)}`, at)
  lines.push('', '// tables')
  layout.TABLES.forEach((table, number) => {
    const prefix = `T_${constant(table.name)}`
    put(prefix, number)
    put(`${prefix}_CAPACITY`, layout.tableCell(number, 'capacity'))
    put(`${prefix}_USED`, layout.tableCell(number, 'used'))
    put(`${prefix}_FREE`, layout.tableCell(number, 'free'))
  })
  lines.push('', '// address of the cell that holds the base address of each state column')
  layout.STATE_COLUMNS.forEach((column, number) => {
    put(`C_${constant(layout.TABLES[column.table].name)}_${constant(column.name)}`, layout.COLUMN_BASES + number * 4)
  })
  return `${lines.join('\n')}\n`
}

/** The text of assembly/encode/literals.ts: each piece padded to 16 bytes, so that it can be copied by vectors. */
export function literalsSource(): string {
  const lines = ['// Made from src/contract/output-text.ts by `npm run layout`: change it there.', '']
  for (const [name, text] of Object.entries(OUTPUT_TEXT)) {
    const bytes = [...Buffer.from(text)]
    while (bytes.length % 16 !== 0) bytes.push(0)
    lines.push(`// ${text}`, `export const L_${name}: usize = memory.data<u8>([${bytes.join(', ')}], 16)`)
    lines.push(`export const N_${name}: i32 = ${Buffer.byteLength(text)}`)
  }
  return `${lines.join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../../assembly/layout.ts', import.meta.url), layoutSource())
  writeFileSync(new URL('../../assembly/encode/literals.ts', import.meta.url), literalsSource())
}
