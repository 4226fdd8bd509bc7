/** The packages of pnpm-lock.yaml, and the kernels' .wasm that one of them builds. */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { contentOf, digest, filesBelow, nodeModules, root } from './places.mjs'
import { SetupError, inPath, readText, runTool, withLock, writeWhole } from './run-tool.mjs'

const PNPM = 'pnpm@12.21.0'

/** The environment in which a tool finds the engine's Node first. */
export const withNode = (runtime, extra = {}) => ({ ...process.env, PATH: `${runtime.binFolder}:${process.env.PATH}`, ...extra })

/** Step: node_modules as the lock file says. Lifecycle scripts stay off: the one native package is built by a step of its own. */
export async function ensurePackages(runtime, doing) {
  const stamp = join(nodeModules, '.ta-packages')
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json'].map((name) => readText(join(root, name)))
  const wanted = digest(process.platform, process.arch, ...files, ...filesBelow(join(root, 'patches')))
  if (contentOf(stamp) === wanted) return 'in step with the lock file'
  return withLock(`packages-${digest(root)}`, doing, async () => {
    if (contentOf(stamp) === wanted) return 'in step with the lock file'
    if (!inPath('npx')) {
      throw new SetupError('npx, which comes with npm and fetches pnpm, is not in PATH: install npm, then run this again.')
    }
    doing('installing')
    const args = ['--yes', PNPM, 'install', '--frozen-lockfile', '--ignore-scripts', '--config.confirmModulesPurge=false']
    await runTool('installing packages', 'npx', args, { cwd: root, env: withNode(runtime, { CI: 'true' }) })
    writeWhole(stamp, wanted)
    return 'installed'
  })
}

/** Step: build/kernel.wasm from assembly/, by what the files hold and not by their times, which a clone or a copy changes. */
export async function ensureKernel(runtime, doing) {
  const wasm = join(root, 'build/kernel.wasm')
  const stamp = join(root, 'build/.kernel-sources')
  const compiler = readText(join(nodeModules, 'assemblyscript/package.json'))
  const sources = filesBelow(join(root, 'assembly'), (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
  const wanted = digest(compiler, readText(join(root, 'asconfig.json')), ...sources)
  if (contentOf(stamp) === wanted && existsSync(wasm)) return 'up to date'
  doing('compiling')
  const temporary = `build/kernel.${process.pid}.tmp.wasm`
  const asc = join(nodeModules, 'assemblyscript/bin/asc.js')
  const args = [asc, 'assembly/index.ts', '--config', 'asconfig.json', '--target', 'release', '--outFile', temporary]
  try {
    await runTool('compiling the kernels', runtime.bin, args, { cwd: root })
    renameSync(join(root, temporary), wasm)
  } finally {
    rmSync(join(root, temporary), { force: true })
  }
  writeWhole(stamp, wanted)
  return 'compiled'
}
