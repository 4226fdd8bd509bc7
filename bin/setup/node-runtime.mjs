/** Finds the Node that runs the engine, or fetches one as an npm package into the cache. */
import { existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cacheFolder, nodeLink, nodeModules } from './places.mjs'
import { SetupError, inPath, majorOf, outputOf, publishFolder, runTool, withLock } from './run-tool.mjs'
import { installCommand } from './system-packages.mjs'

export const NODE_MAJOR_MIN = 24
/** Fetched where there is none; the npm packages `node-<platform>-<arch>` hold Node's own binaries and headers, without npm. */
const NODE_VERSION = '24.21.0'

const headersBeside = (bin) => {
  const folder = dirname(dirname(bin))
  return existsSync(join(folder, 'include/node/node_version.h')) ? folder : undefined
}

const asRuntime = (bin) => ({ bin, folder: headersBeside(bin), binFolder: dirname(bin) })

/** A Node that is here already: the running one if it is new enough and has its headers, else a cached one. */
export function nodeAtHand() {
  if (majorOf(process.version) >= NODE_MAJOR_MIN && headersBeside(process.execPath)) return asRuntime(process.execPath)
  const cache = join(cacheFolder(), 'node')
  const versions = existsSync(cache) ? readdirSync(cache).filter((name) => /^\d+\.\d+\.\d+$/.test(name)) : []
  const version = versions.includes(NODE_VERSION) ? NODE_VERSION : versions.find((name) => majorOf(name) >= NODE_MAJOR_MIN)
  const bin = join(cache, version ?? '-', 'bin/node')
  return existsSync(bin) ? asRuntime(bin) : undefined
}

async function fetchNode() {
  const name = `node-${process.platform}-${process.arch}@${NODE_VERSION}`
  const self = 'or install Node 24 or newer and run this again with it'
  if (!inPath('npm')) {
    throw new SetupError(`The engine needs Node 24 or newer, and npm, which fetches one, is not in PATH: install npm, ${self}.`)
  }
  if (!inPath('tar')) throw new SetupError(`tar is missing: run \`${installCommand(['tar'])}\`, ${self}.`)
  await publishFolder(join(cacheFolder(), 'node', NODE_VERSION), async (folder) => {
    await runTool('fetching Node', 'npm', ['pack', name, '--pack-destination', folder], { cwd: folder })
    const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'))
    await runTool('unpacking Node', 'tar', ['-xzf', archive, '--strip-components=1'], { cwd: folder })
    rmSync(join(folder, archive))
    if (!outputOf(join(folder, 'bin/node'), ['--version'])?.startsWith(`v${NODE_VERSION}`)) {
      throw new SetupError(`The Node of the npm package ${name} does not run here (it needs glibc): `
        + 'install Node 24 or newer and run this again with it.')
    }
  })
}

/** Step: a Node of version 24 or newer. Resolves to `{ bin, folder, binFolder, line }`; `folder` has its headers. */
export async function ensureNode(doing) {
  const found = nodeAtHand()
  if (found) return { ...found, line: `${found.bin === process.execPath ? 'the running one' : 'cached'}, ${versionOf(found)}` }
  await withLock('node', doing, async () => {
    if (nodeAtHand()) return
    doing(`fetching ${NODE_VERSION} from npm`)
    await fetchNode()
  })
  const fetched = nodeAtHand()
  return { ...fetched, line: 'ready' }
}

const definesOf = (runtime, ...names) => {
  const text = readFileSync(join(runtime.folder, 'include/node/node_version.h'), 'utf8')
  return names.map((name) => new RegExp(`#define ${name} (\\d+)`).exec(text)?.[1])
}

/** Version of a runtime, read from its headers: no process is started for it. */
export const versionOf = (runtime) =>
  definesOf(runtime, ...['MAJOR', 'MINOR', 'PATCH'].map((part) => `NODE_${part}_VERSION`)).join('.')

/** ABI number of a runtime: a native package built for one does not load in another. */
export const abiOf = (runtime) => definesOf(runtime, 'NODE_MODULE_VERSION')[0]

/** Points `node_modules/.ta-node` at the runtime, for bin/ta and bin/test.mjs. */
export function linkNode(runtime) {
  try {
    if (readlinkSync(nodeLink) === runtime.bin) return
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EINVAL') throw error
  }
  const temporary = `${nodeLink}.${process.pid}`
  mkdirSync(nodeModules, { recursive: true })
  rmSync(temporary, { force: true })
  symlinkSync(runtime.bin, temporary)
  renameSync(temporary, nodeLink)
}
