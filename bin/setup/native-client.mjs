/**
 * Builds node-rdkafka with its librdkafka for the engine's Node, once a user and machine: the result is cached, and a
 * fresh clone only copies it.
 */
import {
  copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { withNode } from './js-packages.mjs'
import { abiOf } from './node-runtime.mjs'
import { cacheFolder, contentOf, digest, filesBelow, nodeModules, root } from './places.mjs'
import { SetupError, inPath, note, outputOf, publishFolder, readText, runTool, withLock, writeWhole } from './run-tool.mjs'
import { installCommand, librariesWithHeaders } from './system-packages.mjs'

const NODE_GYP = 'node-gyp@13.1.0'
const TOOLS = { compiler: ['g++', 'c++', 'clang++'], make: ['make'], python3: ['python3'], bash: ['bash'] }
const LIBRARIES = /^librdkafka(\+\+)?(\.so\.1|\.1\.dylib)$/
const BINDING = 'node-librdkafka.node'

const packageFolder = () => realpathSync(join(nodeModules, 'node-rdkafka'))

/** All that decides what the build gives. */
function cacheKey(runtime) {
  const { version } = JSON.parse(readText(join(nodeModules, 'node-rdkafka/package.json')))
  const patch = filesBelow(join(root, 'patches'), (name) => name.startsWith('node-rdkafka'))
  const libc = process.platform === 'linux' && existsSync('/etc/alpine-release') ? '-musl' : ''
  return [
    `node-rdkafka-${version.replace(/^v/, '')}`, ...(patch.length ? [`patch-${digest(...patch)}`] : []), `abi${abiOf(runtime)}`,
    `${process.platform}-${process.arch}${libc}`, librariesWithHeaders().join('+') || 'plain',
  ].join('-')
}

function requireTools() {
  const missing = Object.keys(TOOLS).filter((need) => !TOOLS[need].some((command) => inPath(command)))
  if (missing.length === 0) return
  const libraries = ['openssl', 'zlib', 'zstd'].filter((library) => !librariesWithHeaders().includes(library))
  throw new SetupError(`The Kafka client has to be compiled and this machine lacks ${missing.join(', ')}: `
    + `run \`${installCommand([...missing, ...libraries])}\`, then this again.`)
}

function noteMissingLibraries() {
  const here = librariesWithHeaders()
  const losses = { openssl: 'TLS and SCRAM', zlib: 'gzip-compressed inputs', zstd: 'zstd-compressed inputs' }
  const missing = Object.keys(losses).filter((library) => !here.includes(library))
  if (missing.length === 0) return
  const what = missing.map((library) => losses[library]).join(', ')
  note(`the headers of ${missing.join(', ')} are missing, so the Kafka client is built without ${what}; `
    + `if you need that: \`${installCommand(missing)}\`, then run this again.`)
}

/** A folder to build in: librdkafka's makefiles know no spaces in paths. */
function buildFolder(key) {
  const parent = [join(cacheFolder(), 'native'), tmpdir(), '/tmp'].find((folder) => !/\s/.test(folder))
  return join(parent, `${key}.build-${process.pid}`)
}

/**
 * A copy of the package to build in. Not in node_modules itself: the files there may be hard links into pnpm's store, and
 * its path may hold spaces. librdkafka's examples are left out: nobody needs them and they take as long as the binding.
 */
function copySources(work) {
  const source = packageFolder()
  const target = join(work, 'node_modules/node-rdkafka')
  const leftOut = [join(source, 'build'), join(source, 'deps/librdkafka/examples'), join(source, 'deps/librdkafka/tests')]
  const made = /\.(o|d|a|so|so\.1|dylib|pc|lds)$|\/librdkafka\/(config\.h|config\.cache|Makefile\.config)$/
  const filter = (path) => !leftOut.includes(path) && !(path.startsWith(source) && made.test(path))
  cpSync(source, target, { recursive: true, dereference: true, filter })
  for (const dependency of ['nan', 'bindings', 'file-uri-to-path']) {
    const folder = join(dirname(source), dependency)
    if (existsSync(folder)) cpSync(realpathSync(folder), join(work, 'node_modules', dependency), { recursive: true })
  }
  mkdirSync(join(target, 'deps/librdkafka/examples'), { recursive: true })
  writeFileSync(join(target, 'deps/librdkafka/examples/Makefile'), 'all:\n\t@:\n')
  return target
}

/** Compiles in four steps. `node-gyp rebuild` alone races: it links the binding while librdkafka is still being compiled. */
async function build(runtime, key, folder) {
  const work = buildFolder(key)
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  try {
    const cwd = copySources(work)
    const headers = join(work, 'node')
    if (runtime.folder) symlinkSync(runtime.folder, headers)
    const env = withNode(runtime, { npm_config_nodedir: headers, CI: 'true' })
    const jobs = String(availableParallelism())
    const what = 'building the Kafka client'
    await runTool(what, 'npx', ['--yes', NODE_GYP, 'configure'], { cwd, env })
    // node-gyp would configure librdkafka as an action of its build: done here, so that `make libs` can run before it
    await runTool(what, runtime.bin, ['util/configure.js'], { cwd, env })
    await runTool(what, 'make', ['-C', 'deps/librdkafka', `-j${jobs}`, 'libs'], { cwd, env })
    await runTool(what, 'make', ['-C', 'deps/librdkafka', 'install-subdirs'], { cwd, env })
    await runTool(what, 'npx', ['--yes', NODE_GYP, 'build', '--jobs', jobs], { cwd, env })
    await publishFolder(folder, (temporary) => copyResult(join(cwd, 'build'), temporary))
  } finally {
    // on macOS the libraries name each other by the path they were built at
    if (process.platform !== 'darwin') rmSync(work, { recursive: true, force: true })
  }
}

/** Copies binding and libraries, each by a rename at the end: an engine that runs keeps the file that it has loaded. */
function copyResult(from, to) {
  const libraries = readdirSync(join(from, 'deps')).filter((name) => LIBRARIES.test(name))
  const files = [`Release/${BINDING}`, ...libraries.map((name) => `deps/${name}`)]
  if (libraries.length !== 2) {
    throw new SetupError(`The build of the Kafka client in ${from} gave ${libraries.length} libraries, not two.`)
  }
  for (const file of files) {
    const target = join(to, file)
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(join(from, file), `${target}.tmp-${process.pid}`)
    renameSync(`${target}.tmp-${process.pid}`, target)
  }
}

/** Whether the placed client loads in the runtime; what it says of itself if so. */
function loaded(runtime) {
  const script = 'const k = require(process.argv[1]); console.log(`librdkafka ${k.librdkafkaVersion}`)'
  return outputOf(runtime.bin, ['-e', script, packageFolder()])?.trim()
}

/** Step: the native client in node_modules/node-rdkafka/build, for the runtime's ABI. */
export async function ensureNativeClient(runtime, doing) {
  const key = cacheKey(runtime)
  const placed = join(packageFolder(), 'build')
  const stamp = join(placed, '.ta-native')
  if (contentOf(stamp) === key) return 'in place'
  const folder = join(cacheFolder(), 'native', key)
  return withLock(`native-${key}`, doing, async () => {
    for (const attempt of ['cached', 'built']) {
      if (!existsSync(folder)) {
        requireTools()
        noteMissingLibraries()
        doing('compiling (one or two minutes, once)')
        await build(runtime, key, folder)
      }
      copyResult(folder, placed)
      const says = loaded(runtime)
      if (says) {
        writeWhole(stamp, key)
        return `${says} in place`
      }
      // a cache that came from another system (a shared home, an image): its libraries are not this one's
      if (attempt === 'cached') rmSync(folder, { recursive: true, force: true })
    }
    const command = `${runtime.bin} -e "require('${packageFolder()}')"`
    throw new SetupError(`The Kafka client was built but does not load: \`${command}\` says why.`)
  })
}
