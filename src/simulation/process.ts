/**
 * One operating-system process of a simulation. Whatever it waits for comes through here, so it can be killed at any await
 * (nothing of it runs on; what it had sent may still arrive), paused as a zombie (everything is held until it wakes), and
 * has a wall clock of its own. Code between two awaits runs to its end, as it does in Node.
 */
import type { Clock } from '../ports/clock.ts'
import type { Faults } from './faults.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import { Tally } from './tally.ts'

export type Phase = 'before' | 'in' | 'after'

/** Kill the process at its nth call of a kind. */
export interface KillPoint {
  /** Calls whose name starts with this; '' is any. */
  call: string
  nth: number
  phase: Phase
}

/** Fate of one call. */
export interface Fate {
  sendMs: number
  answerMs: number
  lost: 'request' | 'answer' | null
  /** Between threads of one process: no network on the way. */
  local?: boolean
}

/** What a call does where it arrives: it answers or refuses, at once or later. */
export type Effect<T> = (answer: (value: T) => void, refuse: (error: unknown) => void) => void

export class SimulatedProcess {
  readonly name: string
  readonly scheduler: Scheduler
  readonly random: Random
  readonly clock: Clock
  faults: Faults
  readonly tally: Tally
  alive = true
  paused = false
  /** No network: nothing that it sends arrives, and nothing arrives at it. */
  cutOff = false
  /** Virtual time since which nothing of it has run, while it is paused or dead. */
  silentSinceMs = Number.POSITIVE_INFINITY
  /** Set when it has ended by itself: from then on it must not write. */
  ended = false
  killPoint: KillPoint | null = null
  onKilled: () => void = () => undefined
  /** Told of every call, for a trace. */
  onCall: (call: string, what: string) => void = () => undefined
  #held: (() => void)[] = []
  #calls = 0

  constructor(
    name: string, scheduler: Scheduler, random: Random, faults: Faults, wall: { epochMs: number; skewMs: number }, tally = new Tally(),
  ) {
    this.name = name
    this.scheduler = scheduler
    this.random = random
    this.faults = faults
    this.tally = tally
    const startedMs = random.between(0, 1e6)
    this.clock = {
      nowMs: () => wall.epochMs + scheduler.nowMs + wall.skewMs,
      monotonicMs: () => startedMs + scheduler.nowMs,
      sleep: (ms, signal) => new Promise((resolve) => {
        this.after(signal?.aborted === true ? 0 : ms, resolve)
        // woken early: at once, but through the scheduler as everything
        signal?.addEventListener('abort', () => this.after(0, resolve), { once: true })
      }),
    }
  }

  /** Runs `run` in the process after `ms`, unless it is dead by then. */
  after(ms: number, run: () => void): void {
    this.scheduler.after(ms, () => this.deliver(run))
  }

  /** Something reaches the process now: done, held while it is paused, or dropped when it is dead. */
  deliver(run: () => void): void {
    if (!this.alive) return
    if (this.paused) this.#held.push(run)
    else run()
  }

  kill(): void {
    if (!this.alive) return
    this.alive = false
    this.silentSinceMs = Math.min(this.silentSinceMs, this.scheduler.nowMs)
    this.#held = []
    this.onKilled()
  }

  pause(): void {
    if (!this.alive || this.paused) return
    this.paused = true
    this.#noteSilence()
  }

  /** Goes on with all that has come meanwhile, in order. */
  wake(): void {
    if (!this.alive || !this.paused) return
    this.paused = false
    this.#noteSilence()
    const held = this.#held
    this.#held = []
    held.forEach((run, order) => this.after(order * 0.01, run))
  }

  /** The network goes, or comes back. */
  cut(off: boolean): void {
    if (!this.alive) return
    this.cutOff = off
    this.#noteSilence()
  }

  #noteSilence(): void {
    if (!this.paused && !this.cutOff) this.silentSinceMs = Number.POSITIVE_INFINITY
    else this.silentSinceMs = Math.min(this.silentSinceMs, this.scheduler.nowMs)
  }

  /** Time one way of a call, ms. */
  latencyMs(): number {
    const { latencyMs, tailMs, tail } = this.faults
    return this.random.chance(tail) ? this.random.between(latencyMs, tailMs) : this.random.between(0.05, latencyMs)
  }

  fate(): Fate {
    const { random, faults } = this
    const lost = random.chance(faults.requestLost) ? 'request' : random.chance(faults.answerLost) ? 'answer' : null
    return { sendMs: this.latencyMs(), answerMs: this.latencyMs(), lost }
  }

  /**
   * A call of the outside. `effect` happens there, once, if the request arrives; it says its answer or its refusal by the
   * two functions it is handed, at once or later. A lost request or answer rejects with `onLost()` after `patienceMs`.
   */
  call<T>(
    name: string, what: string, fate: Fate, patienceMs: number, onLost: () => Error, effect: Effect<T>,
  ): Promise<T> {
    const phase = this.#killPhase(name)
    this.onCall(name, what)
    if (phase !== null) this.tally.note(`killed ${phase} a call`)
    if (phase === 'before') this.kill()
    return new Promise<T>((resolve, reject) => {
      if (!this.alive) return
      const isCut = (): boolean => this.cutOff && fate.local !== true
      const giveUp = (): void => this.after(patienceMs, () => reject(onLost()))
      const back = (settle: () => void): void => {
        if (phase === 'in') this.kill()
        if (fate.lost === 'answer') return
        if (isCut()) return giveUp()
        this.after(fate.answerMs, () => {
          settle()
          // what follows at once (up to the next call) still runs: it changes memory alone
          if (phase === 'after') this.kill()
        })
      }
      if (fate.lost !== null) this.tally.note(`${fate.lost} of ${planeOf(name)} lost`)
      if (fate.lost !== null) giveUp()
      if (fate.lost === 'request') return
      this.scheduler.after(fate.sendMs, () => {
        // what a dead process had given to its network card may arrive or not
        if (!this.alive && this.random.chance(0.5)) return
        if (isCut()) return fate.lost === null ? giveUp() : undefined
        effect((value) => back(() => resolve(value)), (error) => back(() => reject(error)))
      })
    })
  }

  #killPhase(name: string): Phase | null {
    const point = this.killPoint
    if (point === null || !name.startsWith(point.call)) return null
    if (++this.#calls < point.nth) return null
    this.killPoint = null
    return point.phase
  }
}

/** Calls by what they are about, for the tally. */
function planeOf(call: string): string {
  if (call === 'EndTxn') return 'a commit'
  if (call.startsWith('store.')) return 'the store'
  return call === 'InitProducerId' || call === 'Produce' || call === 'Fetch' ? call : 'a look-up'
}
