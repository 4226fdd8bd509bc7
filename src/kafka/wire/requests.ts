/**
 * The requests themselves, in their last versions without tagged fields; all are in Kafka 2.4 to 4.x (KIP-896). DescribeTransactions alone
 * has never been without, and came with Kafka 3.0 (KIP-664).
 */
import { LogError } from '../../ports/log.ts'
import type { KafkaSettings } from '../kafka-config.ts'
import { kindOf } from '../kafka-errors.ts'
import { WireWriter } from './bytes.ts'
import { WireConnection } from './connection.ts'

const FIND_COORDINATOR = { key: 10, version: 1 }
const LEAVE_GROUP = { key: 13, version: 3 }
const DELETE_RECORDS = { key: 21, version: 1 }
const DESCRIBE_CONFIGS = { key: 32, version: 1 }
const DESCRIBE_TRANSACTIONS = { key: 65, version: 0 }
const RESOURCE_TOPIC = 2
const COORDINATOR_GROUP = 0
const COORDINATOR_TRANSACTION = 1
const UNKNOWN_MEMBER_ID = 25
const TRANSACTIONAL_ID_NOT_FOUND = 105

export interface BrokerAddress {
  host: string
  port: number
}

/** Addresses of the bootstrap setting. */
export function bootstrapAddresses(bootstrap: string): BrokerAddress[] {
  return bootstrap.split(',').map((entry) => {
    const address = entry.trim().replace(/^\w+:\/\//, '')
    const colon = address.lastIndexOf(':')
    const bracketed = /^\[(.*)\](?::(\d+))?$/.exec(address)
    if (bracketed) return { host: bracketed[1], port: Number(bracketed[2] ?? 9092) }
    return colon < 0 ? { host: address, port: 9092 } : { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
  })
}

/** Runs `action` with the first broker that can be reached. Rejects with LogError. */
export async function withBroker<T>(
  settings: KafkaSettings, addresses: readonly BrokerAddress[], timeoutMs: number,
  action: (connection: WireConnection) => Promise<T>): Promise<T> {
  let failure: LogError | undefined
  for (const { host, port } of addresses) {
    let connection: WireConnection
    try {
      connection = await WireConnection.open(settings, host, port, timeoutMs)
    } catch (error) {
      failure = error as LogError
      continue
    }
    try {
      return await action(connection)
    } catch (error) {
      if (error instanceof LogError) throw error
      throw new LogError('outside', `Asking ${host}:${port} failed: ${(error as Error).message}`, undefined, { cause: error })
    } finally {
      connection.close()
    }
  }
  throw failure ?? new LogError('outside', 'No broker is named')
}

/** Settings of topics as the broker sees them, defaults too. A topic that may not be asked about has none. */
export async function describeTopicConfigs(
  connection: WireConnection, topics: readonly string[]): Promise<Map<string, Record<string, string>>> {
  const body = new WireWriter()
  body.array(topics, (topic) => body.int8(RESOURCE_TOPIC).string(topic).int32(-1)).int8(0)
  const answer = await connection.request(DESCRIBE_CONFIGS, body)
  answer.int32()
  const found = new Map<string, Record<string, string>>()
  answer.array(() => {
    const error = answer.int16()
    answer.string()
    answer.int8()
    const name = answer.string()!
    const config: Record<string, string> = {}
    answer.array(() => {
      const key = answer.string()!
      const value = answer.string()
      answer.int8()
      answer.int8()
      answer.int8()
      answer.array(() => (answer.string(), answer.string(), answer.int8()))
      if (value !== null) config[key] = value
    })
    if (error === 0) found.set(name, config)
  })
  return found
}

/** Deletes the records before `offset` (−1: all). `connection` must be to the partition's leader. */
export async function deleteRecords(connection: WireConnection, topic: string, partition: number, offset: number,
  timeoutMs: number): Promise<void> {
  const body = new WireWriter().int32(1).string(topic).int32(1).int32(partition).int64(offset).int32(timeoutMs)
  const answer = await connection.request(DELETE_RECORDS, body)
  answer.int32()
  answer.array(() => {
    answer.string()
    return answer.array(() => {
      answer.int32()
      answer.int64()
      const error = answer.int16()
      if (error !== 0) {
        throw new LogError(kindOf(error, 'outside'),
          `Deleting the records of ${topic} [${partition}] before ${offset} failed (Kafka error ${error})`, { topic, partition })
      }
    })
  })
}

/** Removes a static member from its group at once. That it is not there (any more) is fine. */
export async function removeStaticMember(settings: KafkaSettings, group: string, instanceId: string,
  timeoutMs: number): Promise<void> {
  const coordinator = await findCoordinator(settings, COORDINATOR_GROUP, group, timeoutMs)
  await withBroker(settings, [coordinator], timeoutMs, async (connection) => {
    const answer = await connection.request(LEAVE_GROUP, new WireWriter().string(group).int32(1).string('').string(instanceId))
    answer.int32()
    const errors = [answer.int16(), ...answer.array(() => (answer.string(), answer.string(), answer.int16()))]
    const error = errors.find((code) => code !== 0 && code !== UNKNOWN_MEMBER_ID)
    if (error === undefined) return
    throw new LogError(kindOf(error, 'outside'), `Removing ${instanceId} from the group ${group} failed (Kafka error ${error})`)
  })
}

/** The broker that looks after a group or a transactional id. */
async function findCoordinator(settings: KafkaSettings, kind: number, name: string, timeoutMs: number): Promise<BrokerAddress> {
  return await withBroker(settings, bootstrapAddresses(settings.bootstrap), timeoutMs, async (connection) => {
    const answer = await connection.request(FIND_COORDINATOR, new WireWriter().string(name).int8(kind))
    answer.int32()
    const error = answer.int16()
    const reason = answer.string()
    answer.int32()
    if (error !== 0) {
      throw new LogError(kindOf(error, 'outside'),
        `Finding the coordinator of ${name} failed: ${reason ?? `Kafka error ${error}`}`)
    }
    return { host: answer.string()!, port: answer.int32() }
  })
}

/** When the newest transaction of a transactional id began, ms; null where it has none since its last InitProducerId, or is not known. */
export async function transactionBegan(settings: KafkaSettings, transactionalId: string, timeoutMs: number): Promise<number | null> {
  const coordinator = await findCoordinator(settings, COORDINATOR_TRANSACTION, transactionalId, timeoutMs)
  return await withBroker(settings, [coordinator], timeoutMs, async (connection) => {
    // a flexible version's request header ends with tags, and so does its answer's
    const body = new WireWriter().noTags()
    body.compactArray([transactionalId], (id) => body.compactString(id)).noTags()
    const answer = await connection.request(DESCRIBE_TRANSACTIONS, body)
    answer.tags()
    answer.int32()
    const [{ error, beganMs }] = answer.compactArray(() => {
      const state = { error: answer.int16(), beganMs: -1 }
      answer.compactString()
      answer.compactString()
      answer.int32()
      state.beganMs = answer.int64()
      answer.int64()
      answer.int16()
      answer.compactArray(() => (answer.compactString(), answer.compactArray(() => answer.int32()), answer.tags()))
      answer.tags()
      return state
    })
    if (error !== 0 && error !== TRANSACTIONAL_ID_NOT_FOUND) {
      throw new LogError(kindOf(error, 'outside'), `Asking for the transactions of ${transactionalId} failed (Kafka error ${error})`)
    }
    return error === 0 && beganMs >= 0 ? beganMs : null
  })
}
