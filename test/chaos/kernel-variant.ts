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
  return preloaded(folder, `const fs = require('node:fs')
const { readFileSync } = fs
const kernel = ${JSON.stringify(join(folder, 'kernel.wasm'))}
fs.readFileSync = (path, ...rest) => readFileSync(String(path).endsWith('/build/kernel.wasm') ? kernel : path, ...rest)
require('node:module').syncBuiltinESMExports()
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

/** A new folder with the changed project's kernel.wasm. */
function compiledIn(changes: Change[]): string {
  const folder = newFolder()
  cpSync(join(PROJECT, 'assembly'), join(folder, 'assembly'), { recursive: true })
  cpSync(join(PROJECT, 'asconfig.json'), join(folder, 'asconfig.json'))
  for (const { file, from, to } of changes) {
    const path = join(folder, 'assembly', file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`assembly/${file} does not hold \`${from}\` once`)
    writeFileSync(path, text.replace(from, () => to))
  }
  const asc = join(PROJECT, 'node_modules/assemblyscript/bin/asc.js')
  const args = [asc, 'assembly/index.ts', '--config', 'asconfig.json', '--target', 'release', '--outFile', 'kernel.wasm']
  execFileSync(process.execPath, args, { cwd: folder, stdio: 'pipe' })
  return folder
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
