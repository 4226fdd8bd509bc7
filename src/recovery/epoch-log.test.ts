import { describe, expect, it } from 'vitest'
import { UserError } from '../contract/errors.ts'
import { encodeEpochRecord } from '../epoch/epoch-record.ts'
import type { JobIdentity } from '../epoch/epoch-record.ts'
import { blankRecord } from '../epoch/task-state.ts'
import { LogError } from '../ports/log.ts'
import type { Log, LogRecord } from '../ports/log.ts'
import { readEpochLog } from './epoch-log.ts'

const OURS: JobIdentity = { group: 'ours', tradesTopic: 'trades', partitions: 2 }
const THEIRS: JobIdentity = { ...OURS, group: 'theirs' }

const epochs = (job: JobIdentity, ...numbers: number[]): Buffer[] =>
  numbers.map((epoch) => encodeEpochRecord({ ...blankRecord({ ...job, inputs: ['trades', 'quotes', ''] }, 0, 'i', 'b', [0, 0, -1], false, 0), epoch }))

/** What these records, read as the ports read, come to: epochs, or the end that they mean. */
async function outcome(...values: Buffer[]): Promise<number[] | { code: number; sentence: string }> {
  const read = async (topic: string, partition: number, from: number, to: number, onRecord: (record: LogRecord) => void): Promise<void> => {
    try {
      for (let offset = from; offset < to; offset++) {
        onRecord({ topic, partition, offset, timestampMs: 0, key: Buffer.from('epoch'), value: values[offset], headers: [] })
      }
    } catch (error) {
      throw new LogError('outside', `Reading ${topic} failed`, { topic, partition }, { cause: error })
    }
  }
  const log: Pick<Log, 'bounds' | 'read'> = { bounds: async () => ({ low: 0, high: values.length }), read }
  try {
    return (await readEpochLog(log as Log, 'epochs', 1, OURS)).records.map(({ epoch }) => epoch)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return { code: error.exitCode, sentence: error.message }
  }
}

describe('an epoch log', () => {
  it('is its records from the last beginning on', async () => {
    expect(await outcome(...epochs(OURS, 0, 1, 2))).toEqual([0, 1, 2])
    expect(await outcome(...epochs(OURS, 7, 8))).toEqual([7, 8])
    expect(await outcome(...epochs(OURS, 0, 1, 2, 0, 1))).toEqual([0, 1])
  })

  it("of another job ends this one, also where that one's epochs would follow ours", async () => {
    const refusal = {
      code: 78, sentence: 'epochs [1] holds epochs of the group theirs, here TA_GROUP_ID is ours: give each job its own TA_EPOCHS_TOPIC, or start anew with ta reset.',
    }
    expect(await outcome(...epochs(THEIRS, 0, 1))).toEqual(refusal)
    expect(await outcome(...epochs(OURS, 0, 1), ...epochs(THEIRS, 2), ...epochs(OURS, 2))).toEqual(refusal)
    expect(await outcome(...epochs(OURS, 0, 1), ...epochs(THEIRS, 0), ...epochs(OURS, 2))).toEqual(refusal)
    expect(await outcome(...epochs(THEIRS, 0, 1), ...epochs(OURS, 0, 1))).toEqual([0, 1])
  })

  it('of another topic or another number of partitions ends it, too', async () => {
    expect(await outcome(...epochs({ ...OURS, tradesTopic: 'old' }, 0))).toMatchObject({ code: 78, sentence: expect.stringContaining('TA_TRADES_TOPIC is trades') })
    const grown = { code: 78, sentence: expect.stringMatching(/a job of 1 partitions, and trades has 2 now.*start anew with ta reset\.$/) }
    expect(await outcome(...epochs({ ...OURS, partitions: 1 }, 0))).toMatchObject(grown)
    const behind = { code: 78, sentence: expect.stringMatching(/a job of 4 partitions, and trades had 2 when this process began: run it again/) }
    expect(await outcome(...epochs({ ...OURS, partitions: 4 }, 0))).toMatchObject(behind)
  })

  it('out of order, or of something else, is no failed read, which would be tried for ever', async () => {
    const twice = { code: 70, sentence: expect.stringMatching(/^epochs \[1\] offset 3: epoch 2 follows epoch 2, .*ta reset\.$/) }
    expect(await outcome(...epochs(OURS, 0, 1, 2, 2))).toMatchObject(twice)
    expect(await outcome(...epochs(OURS, 0, 1, 3))).toMatchObject({ code: 70 })
    expect(await outcome(...epochs(OURS, 0), Buffer.from('something'))).toMatchObject({ code: 78, sentence: expect.stringContaining("epochs [1] offset 1 can't be read") })
    expect(await outcome(...epochs(OURS, 0, 1, 2, 2, 0, 1))).toEqual([0, 1])
  })
})
