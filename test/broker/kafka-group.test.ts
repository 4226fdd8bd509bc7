import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Log, LogGroup } from '../../src/ports/log.ts'
import { addPartitions, createTopics, produce, uniqueName } from './harness.ts'
import { openLog, signal } from './kafka-fixtures.ts'

let topic: string
const logs: Log[] = []
beforeAll(async () => {
  topic = uniqueName('group')
  await createTopics([{ name: topic, partitions: 4 }])
  // Something to fetch, were anything fetched.
  await produce(topic, [0, 1, 2, 3].map((partition) => ({ partition, key: 'A', value: 'x' })))
})
afterAll(() => Promise.all(logs.map((log) => log.close())))

/** A member that keeps book of what it owns and of what happened to it, and can be waited for. */
class Member {
  readonly group: LogGroup
  readonly owned = new Set<number>()
  readonly events: string[] = []
  onRevoking: () => Promise<void> = async () => {}
  #changed = signal()

  constructor(log: Log, of = topic) {
    this.group = log.group(of)
  }

  async join(afresh = false): Promise<void> {
    await this.group.join({
      onAssigned: (partitions) => {
        for (const partition of partitions) this.owned.add(partition)
        this.#note('assigned', partitions)
      },
      onRevoked: async (partitions) => {
        await this.onRevoking()
        for (const partition of partitions) this.owned.delete(partition)
        this.#note('revoked', partitions)
      },
      onLost: (partitions) => {
        for (const partition of partitions) this.owned.delete(partition)
        this.#note('lost', partitions)
      },
      onContested: () => this.#note('contested', []),
    }, afresh)
  }

  #note(what: string, partitions: number[]): void {
    this.events.push(`${what} ${partitions.toSorted().join()}`)
    this.#changed.resolve()
    this.#changed = signal()
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise
  }
}

function memberOf(groupId: string, instanceId: string, of = topic): Member {
  const log = openLog({ groupId, instanceId })
  logs.push(log)
  return new Member(log, of)
}

describe('the group', () => {
  it('deals four partitions to two members, awaits what is given up, and keeps them for a static member that restarts',
    async () => {
    const groupId = uniqueName('g')
    const one = memberOf(groupId, 'one')
    await one.join()
    await one.until(() => one.owned.size === 4)
    const two = memberOf(groupId, 'two')
    one.onRevoking = async () => {
      expect(two.owned.size).toBe(0)
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(two.owned.size).toBe(0)
    }
    await two.join()
    await two.until(() => two.owned.size === 2)
    await one.until(() => one.owned.size === 2)
    expect([...one.owned, ...two.owned].toSorted()).toEqual([0, 1, 2, 3])
    const twos = [...two.owned].toSorted()
    const before = one.events.length

    await two.group.close(false)
    const again = memberOf(groupId, 'two')
    await again.join()
    await again.until(() => again.owned.size === 2)
    expect([...again.owned].toSorted()).toEqual(twos)
    expect(one.events.slice(before).filter((event) => !event.endsWith(' '))).toEqual([])

    // With `leave` its partitions are dealt out at once, long before the session of 10 s is over.
    const startMs = performance.now()
    await again.group.close(true)
    await one.until(() => one.owned.size === 4)
    expect(performance.now() - startMs).toBeLessThan(8_000)
    expect(one.events.some((event) => event.startsWith('lost'))).toBe(false)
    await one.group.close(true)
  })

  it('tells a lost assignment from a revoked one, and comes back', async () => {
    const groupId = uniqueName('g')
    const first = memberOf(groupId, 'same')
    await first.join()
    await first.until(() => first.owned.size === 4)
    const second = memberOf(groupId, 'same')
    await second.join()
    await first.until(() => first.events.includes('lost 0,1,2,3'))
    await second.group.close(true)
    await first.until(() => first.owned.size === 4)
    expect(first.events.some((event) => event.startsWith('revoked'))).toBe(false)
    await first.group.close(true)
  })

  it('deals added partitions out to a static member that comes back afresh within its session', async () => {
    const [groupId, growing] = [uniqueName('g'), uniqueName('growing')]
    await createTopics([{ name: growing, partitions: 2 }])
    const before = memberOf(groupId, 'one', growing)
    await before.join(true) // of a group that has no such member
    await before.until(() => before.owned.size === 2)
    await before.group.close(false)
    await addPartitions(growing, 4)
    const after = memberOf(groupId, 'one', growing)
    await after.join(true)
    await after.until(() => after.owned.size === 4)
    await after.group.close(true)
  })

  it('commits offsets of any topic for lag tools', async () => {
    const groupId = uniqueName('g')
    const other = uniqueName('other')
    await createTopics([{ name: other, partitions: 1 }])
    const log = openLog({ groupId })
    logs.push(log)
    const member = new Member(log)
    await member.join()
    await member.until(() => member.owned.size === 4)
    member.group.commitOffsets([{ topic, partition: 2, offset: 1 }, { topic: other, partition: 0, offset: 42 }])
    const places = [{ topic, partition: 2 }, { topic: other, partition: 0 }, { topic, partition: 0 }]
    await expect.poll(() => log.committed(groupId, places), { timeout: 20_000 }).toEqual([1, 42, -1])
    await member.group.close(true)
  })
})
