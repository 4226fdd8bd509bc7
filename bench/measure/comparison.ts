/**
 * A result beside the last committed one. Only ratios of two things measured in one run are judged: absolute times are the
 * machine's, and would fail on any other one.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../results/', import.meta.url))

/** How much worse (larger) a ratio may be than it was, as a factor, before the bench fails. */
export type Tolerances = Readonly<Record<string, number>>
/** What a ratio may be at the most, whatever it was. */
export type Limits = Readonly<Record<string, number>>

export interface Comparable {
  /** What was measured how: results with other options are not compared. */
  options: Readonly<Record<string, unknown>>
  /** Smaller is better. NaN or null: not measured. */
  ratios: Readonly<Record<string, number | null>>
}

export interface Comparison {
  /** One line a ratio, or one that says why nothing was compared. */
  lines: string[]
  /** Ratios that are worse than they may be. */
  worse: string[]
}

/** Judges `now` by `before`, and by limits of its own where there are some; a ratio that was not measured passes a limit. */
export function compare(before: Comparable | null, now: Comparable, tolerances: Tolerances, limits: Limits = {}): Comparison {
  const { lines, worse } = compareWithCommitted(before, now, tolerances)
  for (const [name, limit] of Object.entries(limits)) {
    const { [name]: is } = now.ratios
    const isOver = isMeasured(is) && is > limit
    if (isOver && !worse.includes(name)) worse.push(name)
    lines.push(`${name}: ${shown(is)}, at most ${shown(limit)} by itself${isOver ? ' — WORSE' : ''}`)
  }
  return { lines, worse }
}

function compareWithCommitted(before: Comparable | null, now: Comparable, tolerances: Tolerances): Comparison {
  if (before === null) return { lines: ['no committed result to compare with'], worse: [] }
  if (JSON.stringify(before.options) !== JSON.stringify(now.options)) {
    return { lines: [`not compared: the committed result has other options: ${JSON.stringify(before.options)}`], worse: [] }
  }
  const lines: string[] = []
  const worse: string[] = []
  for (const [name, tolerance] of Object.entries(tolerances)) {
    const [was, is] = [before.ratios[name], now.ratios[name]]
    if (!isMeasured(was)) {
      lines.push(`${name}: ${shown(is)}, not in the committed result`)
      continue
    }
    const isWorse = !isMeasured(is) || is > was * tolerance
    if (isWorse) worse.push(name)
    lines.push(`${name}: ${shown(is)}, was ${shown(was)}, at most ${shown(was * tolerance)}${isWorse ? ' — WORSE' : ''}`)
  }
  return { lines, worse }
}

const isMeasured = (value: number | null | undefined): value is number => typeof value === 'number' && Number.isFinite(value)
const shown = (value: number | null | undefined): string => (isMeasured(value) ? value.toFixed(2) : 'not measured')

/** The result as the last commit has it, or null. */
export function committedResult<R>(name: string): R | null {
  try {
    const text = execFileSync('git', ['show', `HEAD:./${name}.json`], { cwd: FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return JSON.parse(text) as R
  } catch {
    return null // none was committed, or this is no clone
  }
}

/** Writes a result; its path. */
export function writeResult(name: string, content: string): string {
  mkdirSync(FOLDER, { recursive: true })
  const path = `${FOLDER}${name}`
  writeFileSync(path, content)
  return path
}

/** Writes the result as JSON, compares it with the committed one, prints both; the process's exit code is 1 when a ratio is worse. */
export function concludeRun(name: string, result: Comparable, tolerances: Tolerances, limits: Limits = {}): void {
  const before = committedResult<Comparable>(name)
  const path = writeResult(`${name}.json`, `${JSON.stringify(result, null, 2)}\n`)
  const { lines, worse } = compare(before, result, tolerances, limits)
  console.log(`\nratios (${path}):`)
  for (const line of lines) console.log(`  ${line}`)
  if (worse.length === 0) return
  console.error(`\n${worse.join(', ')}: worse than the committed result or a limit allows`)
  process.exitCode = 1
}
