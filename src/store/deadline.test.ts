import { describe, expect, it } from 'vitest'
import { bounded, DeadlinePassed } from './deadline.ts'

const forever = new Promise<never>(() => {})

describe('bounded', () => {
  it('gives what the action gives', async () => {
    await expect(bounded(1_000, async () => 7)).resolves.toBe(7)
    await expect(bounded(1_000, async () => { throw new RangeError('its own') })).rejects.toThrow('its own')
  })

  it('gives up on an action that does not heed its signal, and aborts it', async () => {
    let seen: AbortSignal | undefined
    await expect(bounded(10, (signal) => {
      seen = signal
      return forever
    })).rejects.toThrow(new DeadlinePassed(10))
    expect(seen?.aborted).toBe(true)
    expect(seen?.reason).toBeInstanceOf(DeadlinePassed)
  })

  it('can be extended, and is over then all the same', async () => {
    await expect(bounded(60_000, (_signal, extend) => {
      extend(20)
      return forever
    })).rejects.toThrow('within 20 ms')
  })

  it('does not abort what has ended in time', async () => {
    let seen: AbortSignal | undefined
    await bounded(5, async (signal) => { seen = signal })
    await bounded(20, () => forever).catch(() => undefined) // longer than the first one's limit
    expect(seen?.aborted).toBe(false)
  })
})
