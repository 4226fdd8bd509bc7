/** librdkafka's own log lines and errors → our logger: rate limited, levelled, without secrets. */
import { binding } from './binding.ts'
import { AUTHENTICATION_CODES } from './kafka-errors.ts'

export interface KafkaLogger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** One line a kind and this long: a broker that is down otherwise fills the log at every reconnect. */
const REPEAT_MS = 10_000
const SYSLOG_WARNING = 4

/** A handshake that is cut off is a broker that goes, or another port; one that is refused is credentials or certificates. */
const AUTHENTICATION =
  /SASL authentication error|mechanism handshake failed|SSL handshake failed(?!: Disconnected)|certificate verify failed/i

/** Whether a line says that credentials or certificates were refused. */
export const isRefusal = (line: string): boolean => AUTHENTICATION.test(line)

export interface NativeLog {
  severity: number
  /** Kind of the line, e.g. FAIL, OFFSET, LOST, SESSTMOUT. */
  fac: string
  message: string
}

/** What one client has to say. `role` names it in the log. */
export class EventRelay {
  readonly logger: KafkaLogger
  readonly #role: string
  readonly #secret: string
  readonly #lastMs = new Map<string, number>()
  /** Called for each line before it is logged; true swallows it. */
  onLog: ((log: NativeLog) => boolean) | undefined
  /** Text of the last authentication or certificate error, if any. */
  authError: string | undefined
  /** The last line that librdkafka marked as a warning or worse. */
  lastLine: string | undefined

  constructor(role: string, logger: KafkaLogger, secret = '') {
    this.#role = role
    this.logger = logger
    this.#secret = secret
  }

  onEvent(kind: string, data: unknown): void {
    if (kind === 'log') this.#onLog(data as NativeLog)
    else if (kind === 'error') this.#onError((data as Error).message)
  }

  #onLog(log: NativeLog): void {
    if (this.onLog?.(log)) return
    const message = this.#clean(log.message)
    if (isRefusal(message)) this.authError = asReason(message)
    if (log.severity > SYSLOG_WARNING) {
      this.logger.debug({ role: this.#role, kind: log.fac }, message)
      return
    }
    this.lastLine = asReason(message)
    if (this.#isDue(log.fac)) this.logger.warn({ role: this.#role, kind: log.fac }, message)
  }

  #onError(text: string): void {
    const message = this.#clean(text)
    if (AUTHENTICATION_CODES.some((code) => binding().err2str(code) === text)) this.authError ??= message
    if (this.#isDue(text)) this.logger.warn({ role: this.#role }, message)
  }

  #isDue(kind: string): boolean {
    const nowMs = performance.now()
    const lastMs = this.#lastMs.get(kind)
    if (lastMs !== undefined && nowMs - lastMs < REPEAT_MS) return false
    this.#lastMs.set(kind, nowMs)
    return true
  }

  #clean(text: string): string {
    return this.#secret.length > 0 ? text.replaceAll(this.#secret, '***') : text
  }
}

/** "[thrd:x]: x/bootstrap: reason (after 1ms in state CONNECT)" → "reason". */
function asReason(line: string): string {
  return line.replace(/^\[thrd:[^\]]*\]: (?:\S+: )?/, '').replace(/ \(after \d+ms in state .*\)$/, '')
}
