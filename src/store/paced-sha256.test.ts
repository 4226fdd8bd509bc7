import { createHash, createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PacedSha256 } from './paced-sha256.ts'

const digestOf = async (data: Uint8Array[], secret?: Uint8Array | string): Promise<string> => {
  const hash = new PacedSha256(secret)
  for (const bytes of data) hash.update(bytes)
  return Buffer.from(await hash.digest()).toString('hex')
}

describe('PacedSha256', () => {
  it.for([0, 1, 262_143, 262_144, 262_145, 3_000_000])('is SHA-256 over %i bytes', async (length) => {
    const bytes = randomBytes(length)
    const parts = [bytes.subarray(0, length >> 1), bytes.subarray(length >> 1)]
    expect(await digestOf(parts)).toBe(createHash('sha256').update(bytes).digest('hex'))
    expect(await digestOf(parts, 'secret')).toBe(createHmac('sha256', 'secret').update(bytes).digest('hex'))
    expect(await digestOf(parts, bytes)).toBe(createHmac('sha256', bytes).update(bytes).digest('hex'))
  })

  it('takes texts and buffers, and begins anew at reset', async () => {
    const hash = new PacedSha256('secret')
    hash.update('gone')
    hash.reset()
    hash.update('grün')
    hash.update(new TextEncoder().encode('!').buffer)
    expect(Buffer.from(await hash.digest()).toString('hex')).toBe(createHmac('sha256', 'secret').update('grün!').digest('hex'))
  })

  it('lets the event loop turn while it hashes', async () => {
    const hash = new PacedSha256()
    hash.update(new Uint8Array(4_194_304))
    let turns = 0
    let hashing = true
    const count = (): void => {
      turns++
      if (hashing) setImmediate(count)
    }
    setImmediate(count)
    await hash.digest()
    hashing = false
    expect(turns).toBeGreaterThanOrEqual(15) // 16 pieces
  })
})
