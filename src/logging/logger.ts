/**
 * Logs: JSON lines on stderr, or pretty where a person looks on. stdout is data and never written to here.
 * In: messages and the secrets that must not get out. Out: lines. May import nothing of the product.
 * Lines are written synchronously, so that the last one before an exit is there; logs are per epoch at most, never per record.
 */
import { pino, type Logger } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { redaction } from './redaction.ts'

export type { Logger } from 'pino'

export interface LoggerOptions {
  /** Least weight: trace, debug, info, warn, error, fatal. */
  level: string
  /** Values that never appear, whatever message or field they are in. */
  secrets?: readonly string[]
  /** For a person instead of a machine. Default: whether stderr is a terminal. */
  pretty?: boolean
  /** Takes a whole line with its end. Default: stderr. */
  write?: (line: string) => void
}

/** Opens a logger. Fields: time (RFC 3339), level, msg, err, and those given. */
export function openLogger(options: LoggerOptions): Logger {
  const destination = options.write ? { write: options.write } : pino.destination({ fd: 2, sync: true })
  const redact = redaction(options.secrets ?? [])
  // The factory formats in process and at once; pino-pretty's own stream would lose the last lines at an exit.
  const format = (options.pretty ?? process.stderr.isTTY === true)
    ? prettyFactory({ colorize: options.write === undefined, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
    : (line: string) => line
  return pino({
    level: options.level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  }, { write: (line: string) => void destination.write(format(redact(line))) })
}
