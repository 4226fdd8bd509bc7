/** `pnpm bench:tables`: puts the results in bench/results/ into the tables of docs/performance.md. `--check` only looks. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fillTables, readResults } from './measure/tables.ts'

const DOCUMENT = new URL('../docs/performance.md', import.meta.url)

const document = readFileSync(DOCUMENT, 'utf8')
const filled = fillTables(document, readResults())
if (!process.argv.includes('--check')) writeFileSync(DOCUMENT, filled)
else if (filled !== document) {
  console.error('docs/performance.md does not show the results in bench/results/: run `pnpm bench:tables`')
  process.exitCode = 1
}
