/**
 * LogGroup over librdkafka: a static member (classic protocol, cooperative) that takes part and fetches nothing.
 * What it is assigned is paused in the same turn, before the first fetch can be sent (the committed offset is asked for
 * first). A rebalance waits for our answer, so `onRevoked` is truly awaited; heartbeats go on meanwhile.
 */
import type { LogGroup, Position } from '../ports/log.ts'
import { binding, NativeCallError, type NativeConsumer, type NativePartition } from './binding.ts'
import { EventRelay, type KafkaLogger } from './event-relay.ts'
import { memberConfig, type KafkaSettings } from './kafka-config.ts'
import { ERR__ASSIGN_PARTITIONS, ERR__FATAL, ERR__REVOKE_PARTITIONS, ERR_FENCED_INSTANCE_ID } from './kafka-errors.ts'
import { consumerHandle, type NativeHandle } from './native-handle.ts'

type Handlers = Parameters<LogGroup['join']>[0]

/** A poll holds a pool thread this long; rebalances end it at once, and closing waits for it. */
const POLL_MS = 250
const REJOIN_MS = 1_000
const CLOSE_MS = 5_000
/** A membership that was taken so often in a minute is another process's, too. */
const CONTESTED_MOST = 3
const CONTESTED_WITHIN_MS = 60_000

export class KafkaGroupMember implements LogGroup {
  readonly #settings: KafkaSettings
  readonly #topic: string
  readonly #relay: EventRelay
  readonly #removeMember: (group: string, instanceId: string) => Promise<void>
  #handle: NativeHandle<NativeConsumer> | undefined
  #handlers: Handlers | undefined
  #owned = new Set<number>()
  #lost = false
  /** When the membership was begun anew, own running time. */
  #anewMs: number[] = []
  #closing = false
  #rebalances: Promise<void> = Promise.resolve()
  #running: Promise<void> | undefined

  constructor(settings: KafkaSettings, logger: KafkaLogger, topic: string,
    removeMember: (group: string, instanceId: string) => Promise<void>) {
    this.#settings = settings
    this.#topic = topic
    this.#removeMember = removeMember
    this.#relay = new EventRelay('group member', logger, settings.password)
    this.#relay.onLog = ({ fac }) => {
      if (fac === 'LOST') this.#lost = true
      return false
    }
  }

  async join(handlers: Handlers, afresh = false): Promise<void> {
    this.#handlers = handlers
    if (afresh) await this.#leaveFirst()
    await this.#enter()
    this.#running = this.#run()
  }

  /** Ends what is left of this member's last session. */
  async #leaveFirst(): Promise<void> {
    try {
      await this.#removeMember(this.#settings.groupId, this.#settings.instanceId)
    } catch (error) {
      this.#relay.logger.warn({ reason: (error as Error).message }, 'The last session of this member could not be ended: it may be given what it had')
    }
  }

  async #enter(): Promise<void> {
    const handle = consumerHandle(memberConfig(this.#settings), this.#relay, {
      rebalance_cb: (code, partitions) => {
        this.#rebalances = this.#rebalances.then(() => this.#onRebalance(handle, code, partitions))
      },
      offset_commit_cb: (code) => {
        if (code) this.#relay.onEvent('error', new Error(`Committing offsets for lag tools failed: ${binding().err2str(code)}`))
      },
    })
    this.#handle = handle
    await handle.open()
    const code = handle.native.subscribe([this.#topic])
    if (code === 0) return
    throw new NativeCallError({ code, message: `Joining the group for ${this.#topic} failed: ${binding().err2str(code)}` })
  }

  /** Polls for as long as the member lives: one that isn't polled is thrown out. */
  async #run(): Promise<void> {
    while (!this.#closing) {
      const handle = this.#handle!
      try {
        // Nothing is fetched, so nothing comes but rebalances, commit results and errors, which are served inside.
        await handle.call<void>((done) => handle.native.consume(POLL_MS, 1, (error) => done(error, undefined)))
      } catch (error) {
        if (this.#closing) return
        this.#relay.onEvent('error', error)
        const code = error instanceof NativeCallError ? error.code : 0
        if (code === ERR__FATAL || code === ERR_FENCED_INSTANCE_ID) await this.#enterAnew(handle)
        else await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** A fatal error ends this client, not the membership: drop all, wait, come back as new. */
  async #enterAnew(handle: NativeHandle<NativeConsumer>): Promise<void> {
    const owned = [...this.#owned]
    this.#owned.clear()
    if (owned.length > 0) this.#handlers!.onLost(owned)
    this.#relay.logger.warn({ instanceId: this.#settings.instanceId },
      'The membership has ended and is begun anew; if that comes again, another process has this instance id (TA_INSTANCE_ID)')
    const nowMs = performance.now()
    this.#anewMs = [...this.#anewMs.filter((atMs) => nowMs - atMs < CONTESTED_WITHIN_MS), nowMs]
    if (this.#anewMs.length >= CONTESTED_MOST) this.#handlers!.onContested(this.#anewMs.length)
    await handle.close(CLOSE_MS)
    await new Promise((resolve) => setTimeout(resolve, REJOIN_MS))
    if (!this.#closing) await this.#enter()
  }

  async #onRebalance(handle: NativeHandle<NativeConsumer>, code: number, partitions: NativePartition[]): Promise<void> {
    const numbers = partitions.map(({ partition }) => partition)
    try {
      if (code === ERR__ASSIGN_PARTITIONS) {
        this.#lost = false
        handle.native.incrementalAssign(partitions)
        if (partitions.length > 0) handle.native.pause(partitions)
        if (this.#closing) return
        for (const partition of numbers) this.#owned.add(partition)
        this.#handlers!.onAssigned(numbers)
      } else if (code === ERR__REVOKE_PARTITIONS) {
        await this.#giveUp(numbers)
        handle.native.incrementalUnassign(partitions)
      }
    } catch (error) {
      this.#relay.logger.error({ reason: (error as Error).message }, 'A rebalance could not be carried out')
    }
  }

  async #giveUp(partitions: number[]): Promise<void> {
    // The line LOST was written before the rebalance was begun, but may come a turn later.
    await new Promise((resolve) => setImmediate(resolve))
    const gone = partitions.filter((partition) => this.#owned.delete(partition))
    if (this.#closing || gone.length === 0) return
    if (this.#lost) {
      this.#handlers!.onLost(gone)
      return
    }
    try {
      await this.#handlers!.onRevoked(gone)
    } catch (error) {
      this.#relay.logger.error({ reason: (error as Error).message, partitions: gone },
        'Giving up partitions failed; they go nevertheless')
    }
  }

  commitOffsets(positions: Position[]): void {
    const handle = this.#handle
    if (!handle || handle.closing || this.#closing) return
    try {
      const code = handle.native.commit(positions.map(({ topic, partition, offset }) => ({ topic, partition, offset })))
      if (code !== 0) throw new Error(binding().err2str(code))
    } catch (error) {
      this.#relay.onEvent('error', new Error(`Committing offsets for lag tools failed: ${(error as Error).message}`))
    }
  }

  /** No handler is called any more. With `leave` the member's partitions are dealt out at once, not after the session timeout. */
  async close(leave: boolean): Promise<void> {
    this.#closing = true
    await this.#running
    await this.#handle?.close(CLOSE_MS)
    if (!leave) return
    try {
      // librdkafka sends no LeaveGroup for a static member, and has no call to remove one.
      await this.#removeMember(this.#settings.groupId, this.#settings.instanceId)
    } catch (error) {
      this.#relay.logger.warn({ reason: (error as Error).message }, 'The group keeps this member until its session times out')
    }
  }
}
