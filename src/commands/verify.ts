/** `ta verify`: reads the outputs read_committed and judges what the engine promises of them. */
import { UserError } from '../contract/errors.ts'
import { EXIT_BUG, EXIT_OK, EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { stampMs } from '../contract/stamp.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import { openLogger } from '../logging/logger.ts'
import { readSettings, secretsOf } from '../settings/settings.ts'
import type { Settings } from '../settings/settings.ts'
import { decodeJson } from '../verify/output-record.ts'
import { renderReport } from '../verify/report.ts'
import { verifyOutputs } from '../verify/verify.ts'
import type { VerifyOptions } from '../verify/verify.ts'
import { commandShape, usageError, withArguments, type CommandContext } from './command.ts'
import { openLog } from './open-log.ts'
import { systemClock } from './system-clock.ts'

const CONNECT_TIMEOUT_MS = 15_000
/** Beyond lateness and idle timeout, when every window should be final: epochs, transactions, a slow minute. */
const OVERDUE_SLACK_MS = 10_000
/** More than the client hands out in one call. */
const READ_RECORDS = 2_048
const READ_VALUE_BYTES = 4 * 1024 * 1024

const SHAPE = commandShape({
  name: 'verify',
  summary: 'reads the outputs read_committed and checks seq, windows and finals',
  usage: '[--from earliest|TIME] [--any-partition] [--json]',
  options: {
    from: {
      type: 'string',
      value: 'earliest|TIME',
      text: 'where to begin: the beginning (default), or records from a time on (2025-12-03T14:30:00Z)',
    },
    'any-partition': { type: 'boolean', text: "accept symbols on other partitions than Kafka's default partitioner gives" },
    json: { type: 'boolean', text: 'one JSON object instead of text' },
  },
  notes: [
    'Checks: JSON and envelope; seq from 1 without gap or repeat; one final a window, in order, none provisional after it;',
    'windows aligned; a final signal for each final bar and the reverse; one partition a symbol.',
    'Ends with 70 when one of them does not hold.',
  ],
})

/** Prints the report; 70 when a promise is broken. */
export async function verify(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options }) => {
    const from = fromOf(options.from)
    const settings = readSettings(context.env, { command: 'verify' })
    if (settings.outputFormat === 'avro') {
      throw new UserError(EXIT_SETTINGS, 'ta verify reads JSON outputs alone, and TA_OUTPUT_FORMAT is avro.')
    }
    const logger = openLogger({ level: settings.logLevel, secrets: secretsOf(context.env) })
    const log = await openLog(settings, logger)
    try {
      await log.connect(CONNECT_TIMEOUT_MS)
      const report = await verifyOutputs(log, systemClock, {
        ...optionsOf(settings),
        from,
        anyPartition: options['any-partition'],
      })
      context.print(`${options.json ? JSON.stringify(report) : renderReport(report)}\n`)
      return report.ok ? EXIT_OK : EXIT_BUG
    } finally {
      await log.close()
    }
  })
}

function optionsOf(settings: Settings): Omit<VerifyOptions, 'from' | 'anyPartition'> {
  const { microbarsTopic: bars, signalsTopic: signals, statusTopic } = settings
  return {
    topics: { bars, signals, status: statusTopic === '' ? undefined : statusTopic },
    decode: decodeJson,
    columns: recordColumns(READ_RECORDS, READ_RECORDS * 32, READ_VALUE_BYTES),
    overdueAfterMs: settings.latenessMs + settings.watermarkIdleTimeoutMs + OVERDUE_SLACK_MS,
  }
}

function fromOf(text: string | undefined): 'earliest' | number {
  if (text === undefined || text === 'earliest') return 'earliest'
  const ms = stampMs(text)
  if (Number.isNaN(ms)) throw usageError(SHAPE, `--from takes earliest or a time such as 2025-12-03T14:30:00Z, not "${text}"`)
  return Math.floor(ms)
}
