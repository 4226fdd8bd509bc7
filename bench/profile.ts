/**
 * `pnpm profile`: where a bench run's time and memory go. The engine runs from a copy of the program whose kernel has names (the
 * shipped one has none), under Node's own profilers, which follow every thread. Out, in --dir:
 * - one .cpuprofile and one .heapprofile a thread, for Chrome's tools and speedscope; the former without start and end;
 * - stages.json, Chrome trace events: each stage of each task's epochs (Perfetto, chrome://tracing, speedscope);
 * and, printed, the ten hottest functions over all threads, WebAssembly by name, beside CPU by thread (librdkafka's own too).
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { EngineWatch, unlessEnded, untilCaughtUp, untilLive, type EngineFigures } from './engine-watch.ts'
import { newFolder, openJob, runEngine, type BenchEngine } from './engine.ts'
import { LATENESS_MS } from './fed-job.ts'
import type { Span } from './measure/arrivals.ts'
import { cutProfile, hottestFunctions, type CpuProfile } from './measure/cpu-profile.ts'
import { readOptions, text, whole, wholeOrDefault } from './options.ts'
import { startChild } from './processes/child.ts'
import type { FeedConfig, FeedResult } from './processes/feed.ts'
import { runBench } from './run-bench.ts'

const values = readOptions({
  rate: whole(20_000), symbols: whole(500), seconds: whole(20), partitions: whole(4), workers: wholeOrDefault(), dir: text('profile'),
})
const ROOT = fileURLToPath(new URL('../', import.meta.url))
const WARM_UP_MS = 10_000
const SAMPLE_US = 500
const HOTTEST = 10
const STAGES = 'stages.json'

/** A copy of the program whose kernel was compiled as the shipped one is, with names kept. */
function makeNamedProgram(): string {
  const folder = newFolder('program')
  cpSync(join(ROOT, 'src'), join(folder, 'src'), { recursive: true })
  for (const name of ['package.json', 'node_modules', 'bin', 'schemas']) symlinkSync(join(ROOT, name), join(folder, name))
  mkdirSync(join(folder, 'build'))
  const asc = join(ROOT, 'node_modules/assemblyscript/bin/asc.js')
  const args = [asc, 'assembly/index.ts', '--config', 'asconfig.json', '--target', 'release', '--debug', '--outFile', join(folder, 'build/kernel.wasm')]
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return folder
}

async function runProfiled(broker: LocalBroker, program: string, into: string): Promise<{ figures: EngineFigures; span: Span }> {
  const { partitions } = values
  const job = await openJob(broker, 'profile', {}, partitions)
  const feed = await startChild<FeedConfig, FeedResult>('feed.ts', {
    env: job.env, partitions, symbols: values.symbols, recordsPerSecond: values.rate, quotesPerTrade: 4,
  })
  const nodeFlags = ['--cpu-prof', `--cpu-prof-dir=${into}`, `--cpu-prof-interval=${SAMPLE_US}`, '--heap-prof', `--heap-prof-dir=${into}`,
    '--import', new URL('processes/stage-recorder.ts', import.meta.url).href]
  const more = { BENCH_STAGES_FILE: join(into, STAGES), ...(values.workers === 'default' ? {} : { TA_WORKERS: String(values.workers) }) }
  const engine: BenchEngine = await runEngine(job, 'profile', more, { program: join(program, 'src/main.ts'), nodeFlags })
  await untilLive(engine)
  const measured = await unlessEnded(engine, async () => {
    await untilCaughtUp(engine, partitions, LATENESS_MS)
    await sleep(WARM_UP_MS)
    const fromMs = Date.now()
    const watch = await EngineWatch.start(engine, broker)
    await sleep(values.seconds * 1000)
    const figures = await watch.end()
    const span = { fromMs, toMs: Date.now() }
    return { figures, span }
  })
  await engine.stop()
  await feed.stop()
  await job.end()
  return measured
}

/** A thread by what runs on it. */
function threadName(thread: string, profile: string): string {
  if (thread === '0') return 'main'
  if (profile.includes('src/dispatch/worker.ts')) return `worker-${thread}`
  if (profile.includes('src/dispatch/snapshot-worker.ts')) return 'snapshots'
  return profile.includes('src/serve/serving-thread.ts') ? 'serving' : `thread-${thread}`
}

/** Cuts out of each thread's profile what was measured, puts the true paths in and names the files by their thread; the CPU profiles. */
function readProfiles(raw: string, into: string, program: string, { fromMs, toMs }: Span): Map<string, CpuProfile> {
  const profiles = new Map<string, CpuProfile>()
  const names = new Map<string, string>()
  const [copied, own] = [pathToFileURL(`${program}/`).href, pathToFileURL(ROOT).href]
  // CPU.<date>.<time>.<pid>.<thread>.<count>.cpuprofile, then Heap.….heapprofile
  for (const name of readdirSync(raw).filter((file) => file.endsWith('profile')).sort()) {
    const [kind, , , , thread] = name.split('.')
    // a profile is written as soon as it ends
    const endMs = statSync(join(raw, name)).mtimeMs
    const text = readFileSync(join(raw, name), 'utf8').replaceAll(copied, own)
    if (kind === 'CPU') names.set(thread, threadName(thread, text))
    const label = names.get(thread) ?? `thread-${thread}`
    if (kind === 'CPU') profiles.set(label, cutProfile(JSON.parse(text) as CpuProfile, fromMs, toMs, endMs))
    writeFileSync(join(into, `${label}.${name.split('.').at(-1)}`), kind === 'CPU' ? JSON.stringify(profiles.get(label)) : text)
  }
  return profiles
}

function print(profiles: Map<string, CpuProfile>, figures: EngineFigures, into: string): void {
  const { busyMs, functions } = hottestFunctions(profiles)
  console.log(`\n${figures.records} records in ${figures.seconds.toFixed(1)} s`)
  console.log(`engine: ${(figures.engineCpuShare * 100).toFixed(1)} % of a core, ${figures.engineCpuPerRecordUs.toFixed(2)} µs a record`)
  const threads = Object.entries(figures.engineCpuShareByThread).filter(([, share]) => share >= 0.001).sort(([, a], [, b]) => b - a)
  console.log(`threads: ${threads.map(([name, share]) => `${name} ${(share * 100).toFixed(1)} %`).join(', ')}`)
  console.log(`\n${HOTTEST} hottest functions, own time, of ${busyMs.toFixed(0)} ms on all JavaScript and WebAssembly threads:`)
  for (const { name, where, ms, threads } of functions.slice(0, HOTTEST)) {
    console.log(`${ms.toFixed(0).padStart(8)} ms ${((ms / busyMs) * 100).toFixed(1).padStart(5)} %  ${name}  ${where.replace(pathToFileURL(ROOT).href, '')}  [${threads.join(', ')}]`)
  }
  console.log(`\nin ${into}: ${readdirSync(into).sort().join(', ')}`)
}

const into = resolve(values.dir)
mkdirSync(into, { recursive: true })
const raw = newFolder('profiles')
console.error('compiling a kernel with names')
const program = makeNamedProgram()
await runBench(async (broker) => {
  const { figures, span } = await runProfiled(broker, program, raw)
  const profiles = readProfiles(raw, into, program, span)
  copyFileSync(join(raw, STAGES), join(into, STAGES))
  print(profiles, figures, into)
})
