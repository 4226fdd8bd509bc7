/**
 * A real engine's snapshot as others see it: `ta snapshot` lists, shows and checks it; pyarrow and DuckDB read it without our code; and
 * a symbol's EMA in it is the one that was published.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import { chaosJob, live, marketInputs } from '../chaos/chaos-job.ts'
import { pythonWithArrow, run } from '../store/python.ts'
import { type Job, type Output, dumpInputs, finalCount, outputsOf, replay, send, tailOf } from './engine-job.ts'
import { lastWords, runTa, startEngine } from './engine-process.ts'
import { readAll } from './harness.ts'

const python = await pythonWithArrow()
const SECONDS = 4
/** How often the engine runs: each stop stores a snapshot of each task, one more than are kept. */
const ROUNDS = 3
const SYMBOL = 'NVDA'
/** EMA12 by symbol, by pyarrow and by DuckDB. Row 0 is no symbol's. */
const READ_EMA = `
import json, sys, pyarrow.ipc, duckdb
found = []
for path in sys.argv[1:]:
  t = pyarrow.ipc.open_file(path).read_all()
  rows = duckdb.sql("select symbolName, ema12 from t where symbolName <> ''").fetchall()
  found.append([{r["symbolName"]: r["ema12"] for r in t.to_pylist() if r["symbolName"]}, dict(rows)])
print(json.dumps(found))
`

interface Row {
  task: number
  epoch: number
  symbols: number
  bytes: number
}

let job: Job
let signals: Output[]
let rows: Row[]
const newest = (task: number): Row => rows.find((row) => row.task === task) as Row

async function listed(): Promise<Row[]> {
  const { code, stdout } = await runTa(['snapshot', 'list', '--json'], job.env)
  expect(code).toBe(0)
  return JSON.parse(stdout) as Row[]
}

const emaOf = (symbol: string): number =>
  (signals.findLast((signal) => signal.symbol === symbol && signal.is_final)?.payload as { ema: { ema12: number } }).ema.ema12

beforeAll(async () => {
  job = await chaosJob({ env: { TA_WATERMARK_IDLE_TIMEOUT_MS: '1000', TA_SNAPSHOT_RETAIN: String(ROUNDS - 1) } })
  const tail = await tailOf(job)
  for (const minute of Array(ROUNDS).keys()) {
    await send(job, marketInputs(job, SECONDS, `2025-12-03T19:0${minute}:00Z`))
    const due = await replay(job, await dumpInputs(job))
    const engine = await live(startEngine(job.env))
    await tail.until(() => finalCount(tail, job) >= due.finals, () => `${due.finals} finals:\n${engine.stderr}`)
    expect((await engine.stop()).code).toBe(0)
  }
  signals = (await outputsOf(job)).signals
  rows = await listed()
})

describe('ta snapshot', () => {
  it('lists as many as are retained, newest first', async () => {
    for (const task of [0, 1, 2, 3]) {
      const epochs = rows.filter((row) => row.task === task).map(({ epoch }) => epoch)
      expect(epochs.length).toBe(ROUNDS - 1)
      expect(epochs).toEqual(epochs.toSorted((a, b) => b - a))
    }
    const { stdout } = await runTa(['snapshot', 'list', '--task', '1'], job.env)
    expect(stdout.trimEnd().split('\n').map((line) => line.split(/\s+/)[0])).toEqual(['TASK', '1', '1'])
  })

  it("shows position, watermark and a symbol's state, as published", async () => {
    const task = murmur2Partition(SYMBOL, job.partitions)
    const { code, stdout } = await runTa(['snapshot', 'inspect', '--task', String(task), '--symbol', SYMBOL], job.env)
    expect(code).toBe(0)
    const shown = JSON.parse(stdout)
    const count = async (topic: string) => (await readAll(topic)).filter(({ partition }) => partition === task).length
    expect(shown).toMatchObject({
      task, epoch: newest(task).epoch, symbols: newest(task).symbols, instance: 'one',
      offsets: { trades: await count(job.env.TA_TRADES_TOPIC), quotes: await count(job.env.TA_QUOTES_TOPIC) },
      symbol: { name: SYMBOL, indicators: { ema12: emaOf(SYMBOL) }, openWindows: [] },
    })
    expect(Date.parse(shown.watermark)).toBeGreaterThanOrEqual(Date.parse(signals.findLast(({ symbol }) => symbol === SYMBOL)!.event_ts))
  })

  it('says in a sentence what is not there', async () => {
    const unknown = await runTa(['snapshot', 'inspect', '--symbol', 'NOSUCH'], job.env)
    expect([unknown.code, lastWords(unknown).msg]).toEqual([64, expect.stringContaining('knows no symbol NOSUCH')])
    const absent = await runTa(['snapshot', 'inspect', '--task', '9'], job.env)
    expect([absent.code, lastWords(absent).msg]).toEqual([64, expect.stringContaining(`no such snapshot of the group ${job.env.TA_GROUP_ID}`)])
  })
})

describe.skipIf(python === null)('a snapshot read by pyarrow and by DuckDB', () => {
  it('tells the EMA of each symbol as it was published', async () => {
    const files = [0, 1, 2, 3].map((task) => join(folderOf(newest(task)), 'indicator.arrow'))
    const found = JSON.parse(await run(python!, ['-c', READ_EMA, ...files])) as Record<string, number>[][]
    const symbols = new Set(signals.map(({ symbol }) => symbol))
    expect(symbols.size).toBeGreaterThan(5)
    const due = Object.fromEntries([...symbols].sort().map((symbol) => [symbol, emaOf(symbol)]))
    for (const reader of [0, 1]) {
      const seen = Object.assign({}, ...found.map((of) => of[reader])) as Record<string, number>
      expect(Object.fromEntries(Object.entries(seen).filter(([symbol]) => symbols.has(symbol)).sort())).toEqual(due)
    }
  })
})

const folderOf = ({ task, epoch }: Row): string =>
  join(job.folder, 'snapshots', job.env.TA_GROUP_ID, `task-${task}`, String(epoch).padStart(12, '0'))

// last, as it breaks one
describe('ta snapshot verify', () => {
  it('says which hold, and ends with 70 when one does not', async () => {
    const whole = await runTa(['snapshot', 'verify'], job.env)
    expect([whole.code, whole.stdout.trimEnd().split('\n').length]).toEqual([0, rows.length])
    const broken = newest(2)
    const file = join(folderOf(broken), 'symbol.arrow')
    const bytes = readFileSync(file)
    bytes[bytes.length >> 1] ^= 1
    writeFileSync(file, bytes)
    const { code, stdout } = await runTa(['snapshot', 'verify'], job.env)
    const faults = stdout.trimEnd().split('\n').filter((line) => !line.endsWith(': ok'))
    expect([code, faults]).toEqual([70, [expect.stringMatching(new RegExp(`^task 2 epoch ${broken.epoch}: .*symbol.arrow.* checksum`))]])
  })
})
