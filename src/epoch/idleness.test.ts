import { describe, expect, it } from 'vitest'
import { idleAtMs, noteEnd, noteMover, settleIdleness, startIdleness } from './idleness.ts'

describe('idleness', () => {
  it('runs from when the end was reached, not from the last record, and ends with a record that moves the watermark', () => {
    const state = startIdleness(false, false)
    expect(settleIdleness(state, 60_000, 5_000, true)).toBe(false) // the end was never reached: others catch up, it is read still
    noteEnd(state, 1_000)
    noteEnd(state, 4_000) // told again: the time runs on
    expect(idleAtMs(state, 5_000)).toBe(6_000)
    expect(settleIdleness(state, 5_999, 5_000, true)).toBe(false)
    expect(settleIdleness(state, 6_000, 5_000, false)).toBe(false) // something waits to be applied
    expect(settleIdleness(state, 6_000, 5_000, true)).toBe(true)
    expect(settleIdleness(state, 6_001, 5_000, false)).toBe(true) // idle until a record moves the watermark
    noteMover(state)
    expect(settleIdleness(state, 60_000, 5_000, true)).toBe(false)
  })

  it('stays over a restart, and a channel without a topic is never waited for', () => {
    const again = startIdleness(false, true)
    expect(settleIdleness(again, 0, 5_000, true)).toBe(false) // what came while the engine was away is read first
    noteEnd(again, 10)
    expect(settleIdleness(again, 10, 5_000, true)).toBe(true)
    expect(settleIdleness(startIdleness(true, false), 0, 5_000, true)).toBe(true)
    expect(idleAtMs(startIdleness(true, false), 5_000)).toBeNull()
  })
})
