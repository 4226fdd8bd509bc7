/** The snapshot store, simulated: torn writes, lost answers, outages, refusals. One a process; all share the objects. */
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { Effect, SimulatedProcess } from './process.ts'

const PATIENCE_MS = 3_000
/** Chance that a file is corrupted, while some may be. */
const CORRUPTION = 0.05

/** What lies in the store: shared by all processes. */
export interface StoredObjects {
  objects: Map<string, Uint8Array>
  /** While true every call is refused. */
  outage: boolean
  /** So many files may still be corrupted silently. */
  corruptions: number
  /** Keys of those that were. */
  corrupted: Set<string>
}

export class SimulatedStore implements SnapshotStore {
  readonly place = 'simulated://snapshots'
  readonly #process: SimulatedProcess
  readonly #stored: StoredObjects

  constructor(process: SimulatedProcess, stored: StoredObjects) {
    this.#process = process
    this.#stored = stored
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#write('put', key, bytes, () => true)
  }

  async putNew(key: string, bytes: Uint8Array): Promise<boolean> {
    return await this.#write('putNew', key, bytes, () => !this.#stored.objects.has(key))
  }

  async #write(name: string, key: string, bytes: Uint8Array, may: () => boolean): Promise<boolean> {
    const { random, faults } = this.#process
    const torn = random.chance(faults.storeTorn)
    const copy = Uint8Array.from(bytes) // what the caller does with its bytes afterwards is its own affair
    return await this.#call<boolean>(name, key, (answer, refuse) => {
      if (!may()) return answer(false)
      this.#stored.corrupted.delete(key)
      if (this.#stored.corruptions > 0 && key.endsWith('.arrow') && random.chance(CORRUPTION)) {
        this.#stored.corruptions -= 1
        this.#stored.corrupted.add(key)
        this.#process.tally.note('store corrupted a file')
        copy[random.integer(copy.length >> 1, copy.length)] ^= 1 << random.integer(0, 8)
      }
      this.#stored.objects.set(key, torn ? copy.subarray(0, random.integer(0, copy.length)) : copy)
      if (torn) this.#process.tally.note('store write torn')
      if (torn) refuse(new StoreError('outside', `${this.place}, ${key}: the connection broke`))
      else answer(true)
    })
  }

  async get(key: string): Promise<Uint8Array> {
    return await this.#call<Uint8Array>('get', key, (answer, refuse) => {
      const bytes = this.#stored.objects.get(key)
      if (bytes === undefined) refuse(new StoreError('missing', `${this.place} has no ${key}`))
      else answer(Uint8Array.from(bytes))
    })
  }

  async list(prefix: string): Promise<string[]> {
    return await this.#call<string[]>('list', prefix, (answer) => {
      answer([...this.#stored.objects.keys()].filter((key) => key.startsWith(prefix)).sort())
    })
  }

  async delete(keys: string[]): Promise<void> {
    for (const key of keys) await this.#call<void>('delete', key, (answer) => answer(void this.#stored.objects.delete(key)))
  }

  #call<T>(name: string, key: string, effect: Effect<T>): Promise<T> {
    const { random, faults } = this.#process
    const fate = { ...this.#process.fate(), lost: random.chance(faults.storeAnswerLost) ? ('answer' as const) : null }
    if (random.chance(faults.storeSlow)) {
      fate.answerMs += random.between(200, 4_000)
      this.#process.tally.note('store slow')
    }
    const fails = random.chance(faults.storeFails)
    const lost = (): StoreError => new StoreError('outside', `${this.place}, ${key}: no answer`)
    return this.#process.call<T>(`store.${name}`, key, fate, PATIENCE_MS, lost, (answer, refuse) => {
      if (fails || this.#stored.outage) this.#process.tally.note('store refused')
      if (fails || this.#stored.outage) refuse(new StoreError('outside', `${this.place}, ${key}: 403 Forbidden`))
      else effect(answer, refuse)
    })
  }
}
