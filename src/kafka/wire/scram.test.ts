import { describe, expect, it } from 'vitest'
import { ScramClient } from './scram.ts'

/** RFC 7677, 3: user "user", password "pencil". */
const NONCE = 'rOprNGfwEbeRWgbNEkqO'
const SERVER_FIRST = Buffer.from('r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096')
const CLIENT_FINAL = 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='

describe('ScramClient', () => {
  it("speaks the RFC's example", () => {
    const scram = new ScramClient('sha256', 'user', 'pencil', NONCE)
    expect(scram.first().toString()).toBe(`n,,n=user,r=${NONCE}`)
    expect(scram.final(SERVER_FIRST).toString()).toBe(CLIENT_FINAL)
    expect(() => scram.verify(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).not.toThrow()
  })

  it('does not trust a server that knows no password, or answers another client', () => {
    const scram = new ScramClient('sha256', 'user', 'pencil', NONCE)
    scram.final(SERVER_FIRST)
    expect(() =>
      scram.verify(Buffer.from('v=AAAATRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toThrow('does not know the password')
    expect(() => scram.verify(Buffer.from('e=other-error'))).toThrow('does not know the password')
    expect(() => scram.final(Buffer.from('r=other,s=W22Z,i=4096'))).toThrow('SCRAM')
  })

  it('escapes what has a meaning in a name', () => {
    expect(new ScramClient('sha512', 'a,b=c', 'x', 'N').first().toString()).toBe('n,,n=a=2Cb=3Dc,r=N')
  })
})
