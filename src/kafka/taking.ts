/** Taking messages from librdkafka's queue with one deadline, which the binding's own call does not have. */
import type { NativeConsumer, NativeEnd, NativeMessage } from './binding.ts'
import type { NativeHandle } from './native-handle.ts'

/** Messages a native call; each costs about 5 µs on the main thread, so a full call holds it up for about 5 ms. */
const TAKE_MAX = 1_024
/**
 * Longest single wait. A partition's end does not end the binding's wait, so this is how late one is seen;
 * 50 calls a second on an idle topic are the price.
 */
const SLICE_MS = 20

export interface Taken {
  messages: NativeMessage[]
  ends: NativeEnd[]
}

/**
 * Takes what is there. With `waitMs` 0 it doesn't wait; else it waits for a first message (at most 20 ms) and then takes
 * what came with it. `consume(n)` waits its timeout again for each message, so the wait is for one message alone and
 * all else is taken with timeout 0. Rejects with NativeCallError.
 */
export async function take(handle: NativeHandle<NativeConsumer>, waitMs: number): Promise<Taken> {
  if (waitMs <= 0) return takeOnce(handle, 0, TAKE_MAX)
  const first = await takeOnce(handle, Math.min(SLICE_MS, Math.max(1, Math.ceil(waitMs))), 1)
  if (first.messages.length === 0) return first
  try {
    const rest = await takeOnce(handle, 0, TAKE_MAX - 1)
    return { messages: first.messages.concat(rest.messages), ends: first.ends.concat(rest.ends) }
  } catch {
    // The first message is out of the queue already and must not get lost; the error's partition is known from the log.
    return first
  }
}

function takeOnce(handle: NativeHandle<NativeConsumer>, waitMs: number, count: number): Promise<Taken> {
  return handle.call<Taken>((done) => {
    handle.native.consume(waitMs, count, (error, messages, ends) => done(error, { messages, ends }))
  })
}
