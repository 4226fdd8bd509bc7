/** Where the partitions of a topic lie, asked for ahead of their assignment. */
import type { NativeConsumer } from './binding.ts'
import type { NativeHandle } from './native-handle.ts'

/** A broker that does not answer sooner is away; librdkafka goes on asking by itself. */
const ANSWER_MS = 1_000

/**
 * Lets the client learn where these topics' partitions lie. librdkafka (2.12, rd_kafka_topic_scan_all) asks for the leader of a
 * partition that is assigned by hand when it connects, and else once a second: without this, reading begins up to a second late. Opens
 * the client; rejects when that fails, and for nothing else: whoever reads tells what is wrong with a topic.
 */
export async function learnTopics(handle: NativeHandle<NativeConsumer>, topics: readonly string[]): Promise<void> {
  await handle.open()
  await Promise.allSettled(topics.map((topic) =>
    handle.call((done) => handle.native.getMetadata({ topic, allTopics: false, timeout: ANSWER_MS }, done))))
}
