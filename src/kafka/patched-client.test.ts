import { describe, expect, it } from 'vitest'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { Binding } from './binding.ts'
import { requireIngest } from './patched-client.ts'

/** A client as the package comes without patches/. */
const unpatched = { KafkaConsumer: class { consume() {} }, Producer: class { produce() {} } } as unknown as Binding

describe('requireIngest', () => {
  it('refuses columns with a client that lacks them, and says what to do', () => {
    expect(() => requireIngest('columns', unpatched)).toThrow(expect.objectContaining({
      exitCode: EXIT_SETTINGS, message: expect.stringMatching(/TA_INGEST=events/),
    }))
  })

  it('takes events with any client, and columns with the one that set-up builds', () => {
    requireIngest('events', unpatched)
    requireIngest('columns')
  })
})
