import { describe, expect, it } from 'vitest'
import { openLogger, type LoggerOptions } from './logger.ts'
import { limitRepeats } from './repeats.ts'

function capture(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = []
  const logger = openLogger({ level: 'info', pretty: false, ...options, write: (line) => lines.push(line) })
  return { lines, logger }
}

describe('openLogger', () => {
  it('writes one JSON line a message, with time and level in words', () => {
    const { lines, logger } = capture()
    logger.info({ task: 3 }, 'task is live')
    logger.debug('not asked for')
    expect(lines).toHaveLength(1)
    expect(lines[0].endsWith('\n')).toBe(true)
    expect(JSON.parse(lines[0])).toMatchObject({ level: 'info', task: 3, msg: 'task is live',
      time: expect.stringMatching(/^\d{4}-.*Z$/) })
  })

  it('is pretty for a person', () => {
    const { lines, logger } = capture({ pretty: true, secrets: ['hunter2!'] })
    logger.warn('broker refused hunter2!')
    expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] WARN.*broker refused \*{8}\n$/)
  })

  it('lets no secret out, in whatever field or form', () => {
    const secret = 'p"a\\ss w/ö'
    const { lines, logger } = capture({ secrets: [secret, 'abc', 'info'] })
    const encoded = encodeURIComponent(secret)
    const base64 = Buffer.from(secret).toString('base64')
    logger.error({ err: new Error(`SASL ${secret}`), deep: [{ url: `http://u:${encoded}@h` }], header: base64 }, `${secret} abc`)
    logger.info({ abc: 'info' }, 'plain')
    const text = lines.join('')
    for (const form of [secret, JSON.stringify(secret).slice(1, -1), encoded, base64]) expect(text).not.toContain(form)
    expect(JSON.parse(lines[0])).toMatchObject({ level: 'error', msg: '******** ********', err: { type: 'Error' } })
    expect(JSON.parse(lines[1])).toMatchObject({ level: 'info', abc: '********', msg: 'plain' })
  })
})

describe('limitRepeats', () => {
  it('logs one of a key in the span and counts the rest', () => {
    let nowMs = 0
    const { lines, logger } = capture()
    const limited = limitRepeats(logger, 1_000, () => nowMs)
    for (; nowMs < 1_500; nowMs += 100) limited('warn', 'broker', { broker: 1 }, 'broker is gone')
    limited('warn', 'other', {}, 'store is gone')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: 'broker is gone', broker: 1 }, { msg: 'broker is gone', suppressed: 9 }, { msg: 'store is gone' },
    ])
    expect(JSON.parse(lines[0])).not.toHaveProperty('suppressed')
  })

  it('keeps a bounded number of keys', () => {
    const { lines, logger } = capture()
    const limited = limitRepeats(logger, 1_000, () => 0)
    for (let key = 0; key <= 1_000; key++) limited('info', String(key), {}, 'm')
    limited('info', '1000', {}, 'still known')
    limited('info', '0', {}, 'forgotten')
    expect(lines).toHaveLength(1_002)
  })
})
