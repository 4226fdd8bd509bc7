/**
 * The group: deals the trades topic's partitions out to static members. A member that comes back within its session keeps
 * what it has; one that is silent for longer loses it without being asked; one that lives is asked first and awaited.
 */
import type { LogGroup, Position } from '../ports/log.ts'
import type { SimulatedProcess } from './process.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { Tally } from './tally.ts'

type Handlers = Parameters<LogGroup['join']>[0]

interface Member {
  instance: string
  process: SimulatedProcess
  handlers: Handlers
  /** Thrown out while it was silent: it hears of it when it wakes. */
  expired: boolean
  /** Closed in order; its session runs on. */
  closedMs: number | null
  /** Virtual ms at which the last message to it arrives: they come in order. */
  toldMs: number
}

const LOOK_MS = 250
/** What waits for a network that has gone looks again after this. */
const CUT_LOOK_MS = 50

export class GroupCoordinator {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #partitions: number
  readonly #sessionTimeoutMs: number
  readonly #tally: Tally
  readonly #members = new Map<string, Member>()
  /** By partition: the instance that has it, and the one that should. */
  readonly #owners: (string | null)[]
  readonly #targets: (string | null)[]
  readonly #revoking = new Set<number>()

  constructor(scheduler: Scheduler, random: Random, partitions: number, sessionTimeoutMs: number, tally: Tally) {
    this.#tally = tally
    this.#scheduler = scheduler
    this.#random = random
    this.#partitions = partitions
    this.#sessionTimeoutMs = sessionTimeoutMs
    this.#owners = new Array<string | null>(partitions).fill(null)
    this.#targets = new Array<string | null>(partitions).fill(null)
    this.#look()
  }

  join(process: SimulatedProcess, instance: string, handlers: Handlers): void {
    const before = this.#members.get(instance)
    const member: Member = { instance, process, handlers, expired: false, closedMs: null, toldMs: 0 }
    this.#members.set(instance, member)
    // what the former process under this name had under way is nobody's business any more
    const kept = this.#owned(instance)
    for (const partition of kept) this.#revoking.delete(partition)
    if (kept.length > 0) this.#send(member, () => handlers.onAssigned(kept))
    if (before === undefined || before.expired || kept.length === 0) this.#deal()
    this.#settle()
  }

  leave(process: SimulatedProcess, instance: string, forGood: boolean): void {
    const member = this.#members.get(instance)
    if (member?.process !== process) return
    member.closedMs = this.#scheduler.nowMs
    if (!forGood) return
    this.#remove(member)
    this.#settle()
  }

  /** Deals anew by chance: partitions move though nobody came or went. */
  shuffle(): void {
    const live = this.#live()
    if (live.length === 0) return
    for (let partition = 0; partition < this.#partitions; partition++) this.#targets[partition] = this.#random.pick(live).instance
    this.#settle()
  }

  #live(): Member[] {
    return [...this.#members.values()].filter(({ expired, closedMs }) => !expired && closedMs === null)
  }

  #owned(instance: string): number[] {
    return this.#owners.flatMap((owner, partition) => (owner === instance ? [partition] : []))
  }

  /** Every partition to a member, evenly; one that is well placed stays. */
  #deal(): void {
    const live = this.#live()
    if (live.length === 0) return
    const most = Math.ceil(this.#partitions / live.length)
    const load = new Map(live.map(({ instance }) => [instance, 0]))
    const place = (partition: number, instance: string): void => {
      this.#targets[partition] = instance
      load.set(instance, (load.get(instance) as number) + 1)
    }
    const homeless: number[] = []
    this.#targets.forEach((target, partition) => {
      if (target !== null && (load.get(target) ?? most) < most) place(partition, target)
      else homeless.push(partition)
    })
    for (const partition of homeless) {
      const [least] = [...load.entries()].sort(([, a], [, b]) => a - b)
      place(partition, least[0])
    }
  }

  /** Takes partitions from who should not have them, and gives them to who should. */
  #settle(): void {
    for (let partition = 0; partition < this.#partitions; partition++) {
      const owner = this.#owners[partition]
      const target = this.#targets[partition]
      if (target === owner || this.#revoking.has(partition)) continue
      if (owner !== null && this.#members.has(owner)) this.#revoke(partition, this.#members.get(owner) as Member)
      else if (target !== null) this.#assign(partition, target)
    }
  }

  #revoke(partition: number, member: Member): void {
    if (member.closedMs !== null) return // nobody to ask: its session has to run out
    this.#revoking.add(partition)
    this.#tally.note('task revoked')
    this.#send(member, () => {
      void member.handlers.onRevoked([partition]).then(() => {
        member.process.after(member.process.latencyMs(), () => {
          if (this.#members.get(member.instance) !== member || !this.#revoking.delete(partition)) return
          this.#owners[partition] = null
          this.#settle()
        })
      })
    })
  }

  #assign(partition: number, instance: string): void {
    const member = this.#members.get(instance)
    if (member === undefined || member.closedMs !== null) return
    this.#owners[partition] = instance
    this.#send(member, () => {
      if (this.#owners[partition] === instance) member.handlers.onAssigned([partition])
    })
  }

  /** Messages to one member arrive in the order in which they were sent, and not after it was thrown out. */
  #send(member: Member, run: () => void): void {
    const { process } = member
    member.toldMs = Math.max(this.#scheduler.nowMs + process.latencyMs(), member.toldMs + 0.01)
    const arrive = (): void => {
      if (process.cutOff) process.after(CUT_LOOK_MS, arrive)
      else if (!member.expired) run()
    }
    process.after(member.toldMs - this.#scheduler.nowMs, arrive)
  }

  #remove(member: Member): void {
    this.#members.delete(member.instance)
    for (const partition of this.#owned(member.instance)) {
      this.#owners[partition] = null
      this.#revoking.delete(partition)
    }
    this.#targets.forEach((target, partition) => {
      if (target === member.instance) this.#targets[partition] = null
    })
    this.#deal()
  }

  /** Throws out who has been silent for longer than a session. */
  #look(): void {
    const nowMs = this.#scheduler.nowMs
    for (const member of [...this.#members.values()]) {
      const silentSinceMs = Math.min(member.process.silentSinceMs, member.closedMs ?? Number.POSITIVE_INFINITY)
      if (nowMs - silentSinceMs <= this.#sessionTimeoutMs) continue
      const had = this.#owned(member.instance)
      member.expired = true
      this.#tally.note(member.process.alive ? 'session of a zombie ran out' : 'session of a dead one ran out')
      this.#remove(member)
      if (member.closedMs === null && member.process.alive) this.#tell(member, had)
    }
    this.#settle()
    this.#scheduler.after(LOOK_MS, () => this.#look())
  }

  /** When it wakes it learns, some time later, that its partitions are gone; then it joins as new. */
  #tell(member: Member, had: number[]): void {
    const { process, handlers, instance } = member
    const tell = (): void => {
      if (process.cutOff) return process.after(CUT_LOOK_MS, tell)
      process.after(this.#random.between(0, 1_500), () => {
        if (had.length > 0) handlers.onLost(had)
        process.after(this.#random.between(10, 1_000), () => this.join(process, instance, handlers))
      })
    }
    process.deliver(tell)
  }
}

/** LogGroup of a simulated process. */
export class SimulatedGroup implements LogGroup {
  readonly #process: SimulatedProcess
  readonly #coordinator: GroupCoordinator
  readonly #instance: string
  readonly #onCommit: (positions: Position[]) => void
  #closed = false

  constructor(
    process: SimulatedProcess, coordinator: GroupCoordinator, instance: string, onCommit: (positions: Position[]) => void,
  ) {
    this.#process = process
    this.#coordinator = coordinator
    this.#instance = instance
    this.#onCommit = onCommit
  }

  async join(handlers: Handlers): Promise<void> {
    await this.#process.clock.sleep(this.#process.latencyMs())
    if (this.#closed) return
    this.#coordinator.join(this.#process, this.#instance, {
      onAssigned: (partitions) => {
        if (!this.#closed) handlers.onAssigned(partitions)
      },
      onRevoked: async (partitions) => {
        if (!this.#closed) await handlers.onRevoked(partitions)
      },
      onLost: (partitions) => {
        if (!this.#closed) handlers.onLost(partitions)
      },
      onContested: () => undefined, // instances have names of their own here
    })
  }

  commitOffsets(positions: Position[]): void {
    this.#process.after(this.#process.latencyMs(), () => this.#onCommit(positions))
  }

  async close(leave: boolean): Promise<void> {
    this.#closed = true
    await this.#process.clock.sleep(this.#process.latencyMs())
    this.#coordinator.leave(this.#process, this.#instance, leave)
  }
}
