/**
 * The rooms and who may enter which: downhill only (docs/architecture.md). A dependency that is not named here is wrong, and
 * so is a cycle. Checked with `pnpm lint`.
 */

const { realpathSync, readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { join } = require('node:path')

/**
 * dependency-cruiser reads .ts with the TypeScript that it finds, and takes 6 at most (7 has no API yet): with another it finds
 * no file, and nothing wrong with it. pnpm-workspace.yaml gives it one of its own.
 */
function assertReadsTypeScript() {
  const itself = createRequire(join(realpathSync(join(__dirname, 'node_modules/dependency-cruiser')), 'package.json'))
  const { version } = JSON.parse(readFileSync(itself.resolve('typescript/package.json'), 'utf8'))
  if (Number(version.split('.')[0]) < 7) return
  throw new Error(`dependency-cruiser found typescript ${version} and can't read .ts with it`)
}
assertReadsTypeScript()

/** For every room, the rooms that its files may import; its own is always allowed. */
const OUTSIDE = ['ports', 'contract', 'market', 'settings', 'logging']
const MATERIAL = ['state', 'bundle', 'dispatch', 'ingest']
const WORK = ['engine', 'serve', 'recovery', 'epoch', 'replay', 'demo', 'topics', 'feed', 'verify', 'snapshot', 'dlq', 'doctor', 'reset']

const ROOMS = {
  // The bottom: what the outside sees, and the few ways to it.
  contract: [],
  market: ['contract'],
  ports: ['contract'],
  settings: ['contract', 'market'],
  logging: [],
  // What the work is done with. Batches, memory and kernels know nothing of epochs.
  state: ['contract', 'settings', 'ports'],
  bundle: [...OUTSIDE, 'state'],
  dispatch: [...OUTSIDE, 'state', 'bundle'],
  ingest: [...OUTSIDE, 'state'],
  // The work itself. Recovery and replay run epochs; the demo plays a feed.
  epoch: [...OUTSIDE, ...MATERIAL],
  recovery: [...OUTSIDE, ...MATERIAL, 'epoch'],
  // One process: the group's member, the reader, the owners of tasks.
  engine: [...OUTSIDE, ...MATERIAL, 'epoch', 'recovery', 'serve', 'topics'],
  replay: [...OUTSIDE, ...MATERIAL, 'epoch', 'feed'],
  demo: [...OUTSIDE, 'feed', 'topics'],
  // The serving thread sees committed results and reports, nothing of the engine.
  serve: OUTSIDE,
  topics: OUTSIDE,
  feed: OUTSIDE,
  verify: OUTSIDE,
  snapshot: [...OUTSIDE, ...MATERIAL, 'epoch', 'recovery'],
  dlq: OUTSIDE,
  doctor: [...OUTSIDE, 'topics'],
  reset: [...OUTSIDE, ...MATERIAL, 'epoch', 'recovery'],
  // The ports for real and simulated. Commands (and tests) hand them in.
  kafka: ['ports', 'contract', 'logging'],
  store: ['ports', 'contract', 'settings', 'logging'],
  simulation: ['ports', 'contract', 'logging', ...MATERIAL],
  commands: [...OUTSIDE, ...MATERIAL, ...WORK, 'kafka', 'store'],
}

const TEST = '\\.test\\.ts$'
const anyOf = (rooms) => `^src/(${rooms.join('|')})/`

const downhill = Object.entries(ROOMS).map(([room, allowed]) => ({
  name: `downhill-${room}`,
  comment: `src/${room} may import ${allowed.length > 0 ? allowed.join(', ') : 'no other room'}`,
  severity: 'error',
  from: { path: `^src/${room}/`, pathNot: TEST },
  to: { path: '^src/', pathNot: anyOf([room, ...allowed]) },
}))

module.exports = {
  forbidden: [
    ...downhill,
    {
      name: 'no-unknown-room',
      comment: 'a new folder in src needs its place in .dependency-cruiser.cjs',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: anyOf(Object.keys(ROOMS)) },
      to: {},
    },
    {
      name: 'real-ports-by-commands-alone',
      comment: 'kafka/ and store/ are handed in by commands/',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(commands|kafka|store)/', TEST] },
      to: { path: '^src/(kafka|store)/' },
    },
    {
      name: 'nothing-imports-commands',
      comment: 'only main.ts knows commands, and their shape alone: it loads them by name',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/commands/' },
      to: { path: '^src/commands/', pathNot: '^src/commands/command\\.ts$' },
    },
    {
      name: 'no-room-imports-commands',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: '^src/commands/' },
      to: { path: '^src/commands/' },
    },
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', comment: 'an import of what is not there', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-test-code-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: TEST },
      to: { path: ['^(test|bench)/', TEST] },
    },
    {
      name: 'no-development-package-in-the-product',
      severity: 'error',
      from: { path: '^src/', pathNot: [TEST, '^src/simulation/'] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build|coverage)/' },
    // Types count: a room that knows another's types knows the room.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
