/** The client's side of SCRAM (RFC 5802, RFC 7677), as Kafka uses it: no channel binding. */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'

export class ScramClient {
  readonly #digest: 'sha256' | 'sha512'
  readonly #password: string
  readonly #nonce: string
  readonly #firstBare: string
  #serverSignature: Buffer | undefined

  /** `nonce` is given by tests alone. */
  constructor(digest: 'sha256' | 'sha512', username: string, password: string, nonce = randomBytes(24).toString('base64')) {
    this.#digest = digest
    this.#password = password
    this.#nonce = nonce
    this.#firstBare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  }

  first(): Buffer {
    return Buffer.from(`n,,${this.#firstBare}`)
  }

  /** Answer to the server's first message. Throws when it doesn't go with ours. */
  final(serverFirst: Buffer): Buffer {
    const text = serverFirst.toString()
    const fields = new Map(text.split(',').map((field) => [field[0], field.slice(2)]))
    const [nonce, salt, rounds] = [fields.get('r') ?? '', fields.get('s') ?? '', Number(fields.get('i'))]
    if (!nonce.startsWith(this.#nonce) || salt === '' || !(rounds >= 1)) throw new Error(
      'The broker does not answer as SCRAM has it')
    const length = this.#digest === 'sha256' ? 32 : 64
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), rounds, length, this.#digest)
    const clientKey = this.#hmac(salted, 'Client Key')
    const storedKey = createHash(this.#digest).update(clientKey).digest()
    const withoutProof = `c=biws,r=${nonce}`
    const message = `${this.#firstBare},${text},${withoutProof}`
    const signature = this.#hmac(storedKey, message)
    this.#serverSignature = this.#hmac(this.#hmac(salted, 'Server Key'), message)
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]))
    return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
  }

  /** Throws unless the server has shown that it knows the password as well. */
  verify(serverFinal: Buffer): void {
    const shown = Buffer.from(/^v=([^,]*)/.exec(serverFinal.toString())?.[1] ?? '', 'base64')
    const expected = this.#serverSignature
    if (!expected || shown.length !== expected.length || !timingSafeEqual(shown, expected)) {
      throw new Error('The broker does not know the password')
    }
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#digest, key).update(text).digest()
  }
}
