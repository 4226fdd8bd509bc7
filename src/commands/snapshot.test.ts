import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bundleOf, newKernel } from '../../test/kernel/kernel-under-test.ts'
import { blankRecord } from '../epoch/task-state.ts'
import { stateHead, storeSnapshot } from '../recovery/snapshots.ts'
import { copyTables, encodeTables } from '../state/arrow-tables.ts'
import { FileStore } from '../store/file-store.ts'
import { snapshot } from './snapshot.ts'

const JOB = { group: 'g', tradesTopic: 't', partitions: 2 }
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ta-snapshot-'))
  const { task: memory } = newKernel()
  const bundle = bundleOf()
  for (const [task, epoch] of [[0, 7], [0, 9], [0, 11], [1, 8]]) {
    const record = { ...blankRecord({ ...JOB, inputs: ['trades', 'quotes', ''] }, task, 'i', bundle.hash, [1, 2, -1], false, 0), epoch }
    await storeSnapshot(new FileStore(folder), JOB, record, stateHead(memory), encodeTables(copyTables(memory)), bundle, 1_764_786_730_000)
  }
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const breaks = (task: number, epoch: string, manifest: string | Buffer): void =>
  writeFileSync(join(folder, `g/task-${task}/${epoch.padStart(12, '0')}/manifest.json`), manifest)

async function ran(...args: string[]): Promise<{ code: number; lines: string[] }> {
  let text = ''
  const env = { TA_KAFKA_BOOTSTRAP: 'localhost:9092', TA_GROUP_ID: 'g', TA_SNAPSHOT_URI: `file://${folder}` }
  const code = await snapshot(args, { env, version: '', print: (more) => (text += more), stop: new AbortController().signal })
  return { code, lines: text.trimEnd().split('\n') }
}

describe('ta snapshot', () => {
  it('lists broken ones among the whole ones, and says what is wrong', async () => {
    const { lines: whole } = await ran('list')
    expect(whole.map((line) => line.split(/\s+/).slice(0, 3))).toEqual([
      ['TASK', 'EPOCH', 'STORED'], ...[['0', '11'], ['0', '9'], ['0', '7'], ['1', '8']].map((of) => [...of, '2025-12-03T18:32:10.000Z']),
    ])
    expect(whole[0]).not.toContain('FAULT')
    breaks(0, '11', '')
    breaks(0, '9', Buffer.alloc(300))
    breaks(1, '8', '{}')
    const { code, lines } = await ran('list')
    expect(code).toBe(0)
    expect(lines.map((line) => line.replaceAll(/ {2,}/g, ' | '))).toEqual([
      'TASK | EPOCH | STORED | BYTES | SYMBOLS | FAULT',
      expect.stringMatching(/^0 \| 11 \| - \| - \| - \| broken: .*manifest.json is no whole manifest: its 0 bytes are no JSON$/),
      expect.stringMatching(/^0 \| 9 \| - \| - \| - \| broken: .* its 300 bytes are no JSON$/),
      expect.stringMatching(/^0 \| 7 \| 2025-12-03T18:32:10.000Z \| \d+ \| 0$/),
      expect.stringMatching(/^1 \| 8 \| - \| - \| - \| broken: .*: version is missing$/),
    ])
    const { lines: [json] } = await ran('list', '--json', '--task', '1')
    expect(JSON.parse(json)).toEqual([{ task: 1, epoch: 8, storedAt: null, bytes: null, symbols: null, fault: expect.stringContaining('version is missing') }])
  })

  it('counts broken ones as broken when it verifies, and ends with 70', async () => {
    expect(await ran('verify')).toEqual({ code: 0, lines: ['task 0 epoch 11: ok', 'task 0 epoch 9: ok', 'task 0 epoch 7: ok', 'task 1 epoch 8: ok'] })
    breaks(0, '11', '')
    breaks(1, '8', '{}')
    const { code, lines } = await ran('verify')
    expect(code).toBe(70)
    expect(lines).toEqual([
      expect.stringMatching(/^task 0 epoch 11: .*no whole manifest/), 'task 0 epoch 9: ok', 'task 0 epoch 7: ok',
      expect.stringMatching(/^task 1 epoch 8: .*no whole manifest/),
    ])
  })

  it('says in a sentence that the one to inspect is broken, and shows another', async () => {
    breaks(0, '11', '{}')
    await expect(ran('inspect')).rejects.toMatchObject({
      name: 'UserError', exitCode: 70, message: expect.stringMatching(/^The snapshot of task 0 at epoch 11 in file:.* does not hold: .*--epoch.*verify/),
    })
    const { code, lines } = await ran('inspect', '--epoch', '9')
    expect([code, JSON.parse(lines.join('\n')).epoch]).toEqual([0, 9])
  })
})
