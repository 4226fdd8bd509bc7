/**
 * `ta` with another kernel: the project's assembly with a few lines changed, compiled anew. The program itself is the real
 * one; a preloaded module hands it other bytes where it reads build/kernel.wasm.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from '../broker/engine-process.ts'
import { newFolder } from '../broker/engine-job.ts'

const LAYOUT = 'src/state/layout.ts'
const PROJECT = fileURLToPath(new URL('../..', import.meta.url))

export interface Change {
  /** Path below assembly/. */
  file: string
  /** Text that is there exactly once, and what stands there instead. */
  from: string
  to: string
}

/** Compiles the changed kernel; gives the settings that make `ta` run it. */
export function kernelVariant(changes: Change[]): Environment {
  const folder = compiledIn(changes)
  return preloaded(folder, otherKernel(folder))
}

const otherKernel = (folder: string): string => `const fs = require('node:fs')
const { readFileSync } = fs
const kernel = ${JSON.stringify(join(folder, 'kernel.wasm'))}
fs.readFileSync = (path, ...rest) => readFileSync(String(path).endsWith('/build/kernel.wasm') ? kernel : path, ...rest)
require('node:module').syncBuiltinESMExports()
`

/** Another program: other kernel and other layout, in every thread. */
function programVariant(layoutChanges: Omit<Change, 'file'>[], changes: Change[]): Environment {
  const folder = compiledIn(changes, layoutChanges)
  return preloaded(folder, `${otherKernel(folder)}
const layout = readFileSync(${JSON.stringify(join(folder, LAYOUT))}, 'utf8')
require('node:module').registerHooks({
  load: (url, context, next) => url.endsWith('/${LAYOUT}') ? { format: 'module-typescript', source: layout, shortCircuit: true } : next(url, context),
})
`)
}

/** As `kernelVariant`, but under the real kernel's name: its bundle is the real one's, and other code runs, as on a machine that reckons otherwise. */
function disguised(changes: Change[]): Environment {
  const folder = compiledIn(changes)
  return preloaded(folder, `const { readFileSync } = require('node:fs')
const real = readFileSync(${JSON.stringify(join(PROJECT, 'build/kernel.wasm'))})
const other = readFileSync(${JSON.stringify(join(folder, 'kernel.wasm'))})
const { Module } = WebAssembly
WebAssembly.Module = new Proxy(Module, { construct: (_, [bytes]) => new Module(real.equals(bytes) ? other : bytes) })
`)
}

function preloaded(folder: string, source: string): Environment {
  const preload = join(folder, 'preload.cjs')
  writeFileSync(preload, source)
  return { NODE_OPTIONS: `--require ${preload}` }
}

/** A new folder with the changed project's kernel.wasm, and its layout where that is changed. */
function compiledIn(changes: Change[], layoutChanges: Omit<Change, 'file'>[] = []): string {
  const folder = newFolder()
  for (const part of ['assembly', 'src/state', 'src/contract']) cpSync(join(PROJECT, part), join(folder, part), { recursive: true })
  for (const file of ['asconfig.json', 'package.json']) cpSync(join(PROJECT, file), join(folder, file))
  for (const change of layoutChanges) rewrite(join(folder, LAYOUT), change)
  if (layoutChanges.length > 0) execFileSync(process.execPath, [join(folder, 'src/state/layout-source.ts')], { stdio: 'pipe' })
  for (const change of changes) rewrite(join(folder, 'assembly', change.file), change)
  const asc = join(PROJECT, 'node_modules/assemblyscript/bin/asc.js')
  const args = [asc, 'assembly/index.ts', '--config', 'asconfig.json', '--target', 'release', '--outFile', 'kernel.wasm']
  execFileSync(process.execPath, args, { cwd: folder, stdio: 'pipe' })
  return folder
}

function rewrite(path: string, { from, to }: Omit<Change, 'file'>): void {
  const text = readFileSync(path, 'utf8')
  if (text.split(from).length !== 2) throw new Error(`${path} does not hold \`${from}\` once`)
  writeFileSync(path, text.replace(from, () => to))
}

/** A trade of the symbol TRAP traps the kernel, after all that a trade has done until then. */
export const trapping = (): Environment => kernelVariant([{
  file: 'step.ts',
  from: '  if (kind == TRADE) {\n',
  to: "  if (kind == TRADE) {\n    if (load<u32>(IN_KEYS + keyStart) == 0x50415254) unreachable() // 'TRAP'\n",
}])

const OTHER_FORMULA: Change = { file: 'indicators/ema.ts', from: 'const ALPHA_12: f64 = 2.0 / 13.0', to: 'const ALPHA_12: f64 = 2.0 / 12.0' }

/** Another formula: the EMA of 12 is one of 11. */
export const otherFormula = (): Environment => kernelVariant([OTHER_FORMULA])

/** The same under the name of the real kernel: what was recorded does not come out. */
export const disguisedFormula = (): Environment => disguised([OTHER_FORMULA])

/** A kernel of the layout with the hash 1, which no program has. */
export const staleKernel = (): Environment => kernelVariant([{
  file: 'index.ts', from: 'export function layoutHash(): i32 { return LAYOUT_HASH }', to: 'export function layoutHash(): i32 { return LAYOUT_HASH == 1 ? 0 : 1 }',
}])

/** One more indicator, `barsSeen`, with a column of its own: the bars since it came. It changes no output. */
export const addedIndicator = (): Environment => programVariant(
  [{ from: 'const ADDED: { table: string; column: string }[] = []', to: "const ADDED = [{ table: 'indicator', column: 'barsSeen i32' }]" }],
  [
    { file: 'indicators/row.ts', from: '  stepEma(row, close)\n', to: '  stepEma(row, close)\n  setI32(C_INDICATOR_BARS_SEEN, row, i32At(C_INDICATOR_BARS_SEEN, row) + 1)\n' },
    { file: 'indicators/row.ts', from: 'import {\n  C_INDICATOR_BARS,', to: 'import {\n  C_INDICATOR_BARS_SEEN, C_INDICATOR_BARS,' },
  ])
