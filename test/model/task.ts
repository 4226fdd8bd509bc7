/** One model with a short way to feed it, for tests that tell a story second by second of 2024-11-01 14:00 UTC. */

import type { Channel } from '../../src/contract/outcomes.ts'
import { Model } from './model.ts'
import type { BarPayload, Out } from './publication.ts'
import type { TestRecord } from './records.ts'
import type { ModelSettingsGiven } from './settings.ts'

const HOUR_MS = Date.parse('2024-11-01T14:00:00Z')

/** Stamp of `seconds` after 14:00, with up to 9 decimals given as text. */
export function at(seconds: number | string): string {
  const [whole, fraction] = String(seconds).split('.')
  const base = new Date(HOUR_MS + Number(whole) * 1000).toISOString().slice(0, 19)
  return fraction === undefined ? `${base}Z` : `${base}.${fraction}Z`
}

/** Clock in ms at `seconds` after 14:00. */
export function clockAt(seconds: number): number {
  return HOUR_MS + Math.round(seconds * 1000)
}

export class TestTask {
  readonly model: Model
  private readonly offsets: Record<Channel, number> = { trades: 0, quotes: 0, bars: 0 }

  constructor(settings: ModelSettingsGiven = {}) {
    this.model = new Model(settings)
  }

  /** Applies one record; says the outcome. */
  take(channel: Channel, { key, value }: TestRecord): string {
    return this.model.apply(channel, this.offsets[channel]++, key, value, null).outcome
  }

  trade(record: TestRecord): string {
    return this.take('trades', record)
  }

  quote(record: TestRecord): string {
    return this.take('quotes', record)
  }

  /** Ends an epoch at `clockSeconds` after 14:00 (null: without a clock); no quotes come unless said. */
  close(clockSeconds: number | null = null, idle = { trades: false, quotes: true }): string[] {
    return this.model.closeEpoch(clockSeconds === null ? null : clockAt(clockSeconds), idle).map(brief)
  }

  closeAll(): Out[] {
    return this.model.closeAll()
  }
}

/** An output in few words: `bar 5 final 100×3`, `signal 5 provisional`, `bar 5 final retracted`. */
export function brief({ topic, is_final: isFinal, window, payload }: Out): string {
  const second = (Date.parse(window.start) - HOUR_MS) / 1000
  const state = isFinal ? 'final' : 'provisional'
  if (topic === 'signals') return `signal ${second} ${state}`
  const { c, count, retracted } = payload as BarPayload
  return `bar ${second} ${state} ${retracted ? 'retracted' : `${c}×${count}`}`
}

/** Payload of the one bar that starts at `seconds`. */
export function barAt(outs: Out[], seconds: number): BarPayload | undefined {
  return outs.find(({ topic, window }) => topic === 'bars' && window.start === at(seconds))?.payload as BarPayload | undefined
}
