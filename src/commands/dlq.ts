/** `ta dlq`: lists rejected records, or sends chosen ones back to the partitions that they came from. */
import { UserError } from '../contract/errors.ts'
import { EXIT_OK, EXIT_OUTSIDE, EXIT_USAGE } from '../contract/exit-codes.ts'
import { REASONS } from '../contract/outcomes.ts'
import { parsePlaces } from '../dlq/choice.ts'
import type { Choice } from '../dlq/choice.ts'
import { listDlq } from '../dlq/listing.ts'
import type { Listing } from '../dlq/listing.ts'
import { redrive } from '../dlq/redrive.ts'
import type { RedriveProgress } from '../dlq/redrive.ts'
import { planRedrive, totalsOf } from '../dlq/redrive-plan.ts'
import type { RedrivePlan } from '../dlq/redrive-plan.ts'
import { groupCells, planCells, recordCells } from '../dlq/text.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import { openLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import { LogError } from '../ports/log.ts'
import type { Log, LogProducer } from '../ports/log.ts'
import { nearestName } from '../settings/nearest-name.ts'
import { readSettings, secretsOf } from '../settings/settings.ts'
import type { Settings } from '../settings/settings.ts'
import { commandShape, tableText, usageError, withArguments, type Arguments, type CommandContext } from './command.ts'
import { openLog } from './open-log.ts'
import { systemClock } from './system-clock.ts'

const CONNECT_TIMEOUT_MS = 15_000
const LIMIT_DEFAULT = 10
/** More than the client hands out in one call. */
const READ_RECORDS = 2_048
const READ_VALUE_BYTES = 4 * 1024 * 1024
const DLQ_REASONS = REASONS.filter((reason) => reason !== 'none' && reason !== 'late')

const SHAPE = commandShape({
  name: 'dlq',
  summary: 'lists rejected records, or sends chosen ones back',
  usage: 'list|redrive [--reason R,…] [--topic T,…] [--offsets P:N,P:N-N,…] [OPTION…]',
  positionals: { name: 'list|redrive', min: 1, max: 1, oneOf: ['list', 'redrive'] },
  options: {
    reason: { type: 'string', value: 'R,…', text: `these reasons alone: ${DLQ_REASONS.join(', ')}` },
    topic: { type: 'string', value: 'T,…', text: 'records of these input topics alone' },
    offsets: {
      type: 'string', value: 'P:N,P:N-N,…',
      text: 'these places of the DLQ alone: partition:offset, or a range; without partition: 0',
    },
    limit: {
      type: 'integer', value: 'N', min: 0, max: 10_000,
      text: `list: how many of the newest records are shown (${LIMIT_DEFAULT}); 0 = the counts alone`,
    },
    all: { type: 'boolean', text: 'redrive: every record, where neither reason, topic nor offsets choose' },
    again: { type: 'boolean', text: 'redrive: also those that were sent back before' },
    'dry-run': { type: 'boolean', text: 'redrive: only say what would be sent' },
    yes: { type: 'boolean', text: 'redrive: do it; without it nothing is sent' },
    json: { type: 'boolean', text: 'one JSON object in place of tables' },
  },
  notes: [
    'A record goes back to its input topic and partition, key and value byte for byte, with the header ta-redriven (its place in',
    'the DLQ), and is judged anew: by then its window may be closed, and it is late. What was sent is marked in the DLQ, in the',
    'same transaction: a redrive that was interrupted is run again, and sends what is left. A record of which only the head is',
    'in the DLQ (ta-truncated) can\'t be sent back; it is in its input topic, at ta-offset, for as long as that keeps it.',
  ],
})

type Options = Arguments<typeof SHAPE.options>['options']

export async function dlq(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options, positionals: [action] }) => {
    const choice = choiceOf(options)
    checkOptions(action, options, choice)
    const settings = readSettings(context.env, { command: 'dlq' })
    const logger = openLogger({ level: settings.logLevel, secrets: secretsOf(context.env) })
    const log = await openLog(settings, logger)
    try {
      await log.connect(CONNECT_TIMEOUT_MS)
      if (action === 'redrive') return await redriveChosen({ log, settings, logger, options, choice, context })
      const listing = await listDlq(log, settings.dlqTopic, choice, options.limit ?? LIMIT_DEFAULT)
      context.print(options.json ? `${JSON.stringify(listing)}\n` : listingText(listing))
      return EXIT_OK
    } finally {
      await log.close()
    }
  })
}

function choiceOf(options: Options): Choice {
  const list = (text: string | undefined): Set<string> | undefined =>
    text === undefined ? undefined : new Set(text.split(',').map((part) => part.trim()))
  const reasons = list(options.reason)
  for (const reason of reasons ?? []) {
    if ((DLQ_REASONS as readonly string[]).includes(reason)) continue
    const meant = nearestName(reason, DLQ_REASONS)
    const right = meant ? `, did you mean ${meant}?` : `: it is one of ${DLQ_REASONS.join(', ')}`
    throw usageError(SHAPE, `There is no reason "${reason}"${right}`)
  }
  const places = options.offsets === undefined ? undefined : parsePlaces(options.offsets)
  if (options.offsets !== undefined && places === undefined)
    throw usageError(SHAPE, `--offsets takes places of the DLQ such as 0:12,0:20-25, not "${options.offsets}"`)
  return { reasons, topics: list(options.topic), places }
}

function checkOptions(action: string, options: Options, { reasons, topics, places }: Choice): void {
  const redriveOnly = (['all', 'again', 'dry-run', 'yes'] as const).find((name) => options[name])
  if (action === 'list') {
    if (redriveOnly !== undefined) throw usageError(SHAPE, `--${redriveOnly} belongs to ta dlq redrive`)
    return
  }
  if (options.limit !== undefined) throw usageError(SHAPE, '--limit belongs to ta dlq list')
  const chosen = reasons !== undefined || topics !== undefined || places !== undefined
  if (!chosen && !options.all) throw usageError(SHAPE, 'ta dlq redrive needs to know which records: --reason, --topic, --offsets or --all')
  if (chosen && options.all) throw usageError(SHAPE, '--all chooses every record: leave it out, or --reason, --topic and --offsets')
  if (options['dry-run'] && options.yes) throw usageError(SHAPE, '--dry-run sends nothing and --yes does: give one of them')
}

function listingText(listing: Listing): string {
  const { groups, newest, others, topic } = listing
  const records = groups.reduce((sum, group) => sum + group.records, 0)
  if (records === 0) return `${topic} has no such record.\n`
  const strangers = others === 0 ? '' : `\n${others} records more are not the engine's: they don't say where they come from.\n`
  const shown = newest.length === 0 ? '' : `\nThe newest ${newest.length} of ${records}:\n${tableText(recordCells(listing))}`
  return `${tableText(groupCells(listing))}${strangers}${shown}`
}

interface Redriving {
  log: Log
  settings: Settings
  logger: Logger
  options: Options
  choice: Choice
  context: CommandContext
}

/** The producer first: what an earlier redrive has under way is decided then, so its marks are there to be read. */
async function redriveChosen(redriving: Redriving): Promise<number> {
  const { log, settings, options } = redriving
  if (!options.yes) return await planOnly(redriving)
  const producer = log.producer(`${settings.transactionalIdPrefix}dlq-redrive`)
  try {
    await producer.init()
    const plan = await planned(redriving)
    checkPlan(plan, redriving.choice)
    return await send(redriving, producer, plan)
  } finally {
    await producer.close()
  }
}

async function planned({ log, settings, options, choice }: Redriving): Promise<RedrivePlan> {
  const inputs = [settings.tradesTopic, settings.quotesTopic, settings.bars1mTopic].filter((topic) => topic !== '')
  return await planRedrive(log, { dlqTopic: settings.dlqTopic, inputs, choice, again: options.again })
}

async function planOnly(redriving: Redriving): Promise<number> {
  const { options, context, choice } = redriving
  const plan = await planned(redriving)
  const { send } = totalsOf(plan)
  const none: RedriveProgress = { sent: 0, transactions: 0, gone: 0 }
  context.print(options.json ? jsonText(plan, none) : `${tableText(planCells(plan))}${leftText(plan)}`)
  checkPlan(plan, choice)
  if (options['dry-run']) return EXIT_OK
  throw new UserError(EXIT_USAGE, `Nothing was sent: say --yes to send ${send} ${send === 1 ? 'record' : 'records'} back.`)
}

/** What can't be sent back is an error where it is all that was chosen, or was asked for by its place. */
function checkPlan(plan: RedrivePlan, { places }: Choice): void {
  const { chosen, send, redriven, cut, elsewhere } = totalsOf(plan)
  if (cut + elsewhere === 0 && (chosen > 0 || places === undefined)) return
  if (chosen === 0) throw new UserError(EXIT_USAGE, 'Nothing was sent: the DLQ has no rejected record at these offsets.')
  if (places === undefined && send + redriven > 0) return
  throw new UserError(EXIT_USAGE, `Nothing was sent: of the ${chosen} records chosen ${leftSentence(cut, elsewhere)}`)
}

function leftSentence(cut: number, elsewhere: number): string {
  const parts = [
    cut === 0 ? '' : `${cut} can't be sent back, as only the head is in the DLQ ` +
      '(for as long as their input topic keeps them they are there, at ta-offset)',
    elsewhere === 0 ? '' : `${elsewhere} come from a topic or partition that is no input of this job ` +
      '(TA_TRADES_TOPIC, TA_QUOTES_TOPIC, TA_BARS1M_TOPIC)',
  ]
  return `${parts.filter((part) => part !== '').join(', and ')}.`
}

function leftText(plan: RedrivePlan): string {
  const { cut, elsewhere } = totalsOf(plan)
  return cut + elsewhere === 0 ? '' : `Of these records ${leftSentence(cut, elsewhere)}\n`
}

async function send(redriving: Redriving, producer: LogProducer, plan: RedrivePlan): Promise<number> {
  const { log, settings, logger, options, context } = redriving
  let progress: RedriveProgress = { sent: 0, transactions: 0, gone: 0 }
  const { stop } = context
  const print = (): void => {
    const text = options.json ? jsonText(plan, progress) : `${tableText(planCells(plan))}${leftText(plan)}${sentText(progress)}`
    context.print(text)
  }
  try {
    progress = await redrive({
      log, producer, stop, clock: systemClock, dlqTopic: settings.dlqTopic,
      columns: recordColumns(READ_RECORDS, READ_RECORDS * 32, READ_VALUE_BYTES),
      onProgress: (now) => {
        progress = now
        logger.debug({ ...now }, 'records were sent back')
      },
    }, plan)
    print()
  } catch (error) {
    print()
    throw failureOf(error, progress)
  }
  const isWhole = progress.sent + progress.gone === totalsOf(plan).send
  if (stop.aborted && !isWhole) logger.warn('stopped before the end: run it again to send what is left')
  return EXIT_OK
}

function failureOf(error: unknown, { sent }: RedriveProgress): unknown {
  if (!(error instanceof LogError)) return error
  const fenced = `Another ta dlq redrive of this job has begun and goes on with what is left; this one sent ${sent} records.`
  const ended = `The redrive ended after ${sent} records: ${error.message}; run it again: what was sent is marked, and is not sent twice.`
  return new UserError(EXIT_OUTSIDE, error.kind === 'fenced' ? fenced : ended, { cause: error })
}

function sentText({ sent, transactions, gone }: RedriveProgress): string {
  const deleted = gone === 0 ? '' : `; retention deleted ${gone} before they could be read`
  return `${sent} sent back in ${transactions} ${transactions === 1 ? 'transaction' : 'transactions'}${deleted}\n`
}

function jsonText(plan: RedrivePlan, progress: RedriveProgress): string {
  return `${JSON.stringify({ ...totalsOf(plan), ...progress, rows: plan.rows, targets: plan.targets })}\n`
}
