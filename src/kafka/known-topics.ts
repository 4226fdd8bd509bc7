/** Metadata by a client's own connection: to be read, or for the client to know where partitions lie before they are assigned. */
import type { NativeConsumer, NativeMetadata } from './binding.ts'
import type { NativeHandle } from './native-handle.ts'

/** A broker that does not answer sooner is away; librdkafka goes on asking by itself. */
const ANSWER_MS = 1_000

/** Rejects with NativeCallError; `timeout` in ms. */
export function askMetadata(
  handle: NativeHandle<NativeConsumer>, options: { topic?: string; allTopics: boolean; timeout: number }): Promise<NativeMetadata> {
  return handle.call<NativeMetadata>((done) => handle.native.getMetadata(options, done))
}

/**
 * Lets the client learn where these topics' partitions lie. librdkafka (2.12, rd_kafka_topic_scan_all) asks for the leader of a
 * partition that is assigned by hand when it connects, and else once a second: without this, reading begins up to a second late. Opens
 * the client; rejects when that fails, and for nothing else: whoever reads tells what is wrong with a topic.
 */
export async function learnTopics(handle: NativeHandle<NativeConsumer>, topics: readonly string[]): Promise<void> {
  await handle.open()
  await Promise.allSettled(topics.map((topic) => askMetadata(handle, { topic, allTopics: false, timeout: ANSWER_MS })))
}
