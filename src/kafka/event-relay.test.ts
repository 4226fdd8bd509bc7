import { describe, expect, it } from 'vitest'
import { EventRelay } from './event-relay.ts'

function relayed(secret = '') {
  const lines: string[] = []
  const line = (level: string) => (_: object, message: string) => void lines.push(`${level} ${message}`)
  const logger = { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
  return { lines, relay: new EventRelay('test', logger, secret) }
}

describe('EventRelay', () => {
  it('says a kind of trouble once, and the rest at debug', () => {
    const { lines, relay } = relayed()
    for (let turn = 0; turn < 3; turn++) {
      relay.onEvent('log', { severity: 3, fac: 'FAIL',
        message: '[thrd:a:1/b]: a:1/b: Connection refused (after 0ms in state CONNECT, 1 error(s))' })
      relay.onEvent('log', { severity: 7, fac: 'FETCH', message: 'x' })
    }
    relay.onEvent('error', new Error('Local: All broker connections are down'))
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'debug', 'debug', 'debug', 'warn'])
    expect(relay.lastLine).toBe('Connection refused')
    expect(relay.authError).toBeUndefined()
  })

  it('never lets the password through', () => {
    const { lines, relay } = relayed('hunter22')
    relay.onEvent('log', { severity: 3, fac: 'FAIL', message: 'SASL authentication error: hunter22 is wrong' })
    relay.onEvent('error', new Error('hunter22'))
    expect(lines).toHaveLength(2)
    expect(lines.join() + relay.authError + relay.lastLine).not.toContain('hunter22')
    expect(relay.authError).toContain('SASL authentication error')
  })

  it('takes an authentication error by its text, and not a connection that was cut off', () => {
    const { relay } = relayed()
    relay.onEvent('log', { severity: 3, fac: 'FAIL', message: 'SSL handshake failed: Disconnected: connection closed by peer' })
    expect(relay.authError).toBeUndefined()
    relay.onEvent('error', new Error('Local: Authentication failure'))
    expect(relay.authError).toBe('Local: Authentication failure')
  })
})
