/** `ta feed`: envelope files into the input topics, at their own pace or as fast as it goes. */
import { CHANNELS } from '../contract/outcomes.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_OK, EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { feedRecords } from '../feed/feed.ts'
import type { FeedSummary, FeedTopics } from '../feed/feed.ts'
import { stampPaths } from '../feed/route.ts'
import { FeedSource } from '../feed/source.ts'
import { openLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import type { Log } from '../ports/log.ts'
import { readSettings, secretsOf } from '../settings/settings.ts'
import type { Settings } from '../settings/settings.ts'
import { commandShape, usageError, withArguments, type CommandContext } from './command.ts'
import { openAppender } from './open-log.ts'
import { openLog } from './open-log.ts'
import { systemClock } from './system-clock.ts'

const CONNECT_TIMEOUT_MS = 15_000

const SHAPE = commandShape({
  name: 'feed',
  summary: 'puts envelope files into the input topics',
  usage: 'IN.jsonl… [--speed N|max] [--shift-to-now] [--raw-bad]',
  positionals: { name: 'at least one file', min: 1, max: 10_000 },
  options: {
    speed: {
      type: 'string',
      value: 'N|max',
      text: 'by event time: 1 = as it happened, 10 = ten times as fast (default: max, as fast as it goes)',
    },
    'shift-to-now': { type: 'boolean', text: 'move all stamps by whole seconds so that the first event is now' },
    'raw-bad': { type: 'boolean', text: 'send lines that are no envelopes as they are, without a key, instead of stopping' },
  },
  notes: [
    'Files are JSON lines, .gz packed, or - for standard input. Each record goes to the topic of its type, under its symbol,',
    "to the partition of Kafka's default partitioner. Files of one topic are taken one after another; files whose first",
    'records go to different topics are read in step by event time. Prints a JSON summary.',
  ],
})

/** Feeds the files and prints a summary line; a stop (Ctrl-C) ends it in order. */
export async function feed(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options, positionals }) => {
    const speed = speedOf(options.speed)
    const settings = readSettings(context.env, { command: 'feed' })
    const logger = openLogger({ level: settings.logLevel, secrets: secretsOf(context.env) })
    const startMs = systemClock.monotonicMs()
    const source = await FeedSource.open(positionals, { fieldMap: settings.fieldMap, rawBad: options['raw-bad'] })
    const shiftToNow = options['shift-to-now']
    if (shiftToNow && speed > 1)
      logger.warn({ speed }, 'at this speed the moved stamps run ahead of the clock, and the engine rejects stamps in the future')
    const summary = await feedTopics(source, { settings, logger, speed, shiftToNow, signal: context.stop })
    const seconds = Number(((systemClock.monotonicMs() - startMs) / 1000).toFixed(3))
    context.print(`${JSON.stringify({ ...summary, seconds })}\n`)
    return EXIT_OK
  })
}

interface Feeding {
  settings: Settings
  logger: Logger
  speed: number
  shiftToNow: boolean
  signal: AbortSignal
}

/** Looks at the topics, then feeds. */
async function feedTopics(source: FeedSource, { settings, logger, ...how }: Feeding): Promise<FeedSummary> {
  const log = await openLog(settings, logger)
  try {
    await log.connect(CONNECT_TIMEOUT_MS)
    const topics = await inputTopics(log, settings)
    const appender = await openAppender(settings, logger)
    try {
      const paths = stampPaths(settings.fieldMap)
      const onLongWait = (waitMs: number) =>
        logger.info({ waitMs: Math.round(waitMs) }, 'the next record is due in more than a minute')
      return await feedRecords(source, appender, systemClock, { topics, stampPaths: paths, onLongWait, ...how })
    } finally {
      await appender.close()
    }
  } finally {
    await log.close()
  }
}

/** The input topics as the broker has them. Throws UserError 78 for those that are missing. */
export async function inputTopics(log: Pick<Log, 'describe'>, settings: Settings): Promise<FeedTopics> {
  const names = { trades: settings.tradesTopic, quotes: settings.quotesTopic, bars: settings.bars1mTopic }
  const wanted = CHANNELS.map((channel) => names[channel]).filter((name) => name !== '')
  const infos = new Map((await log.describe(wanted)).map((info) => [info.name, info.partitions]))
  const missing = wanted.filter((name) => (infos.get(name) ?? 0) === 0)
  if (missing.length > 0) {
    throw new UserError(
      EXIT_SETTINGS,
      `There is no topic ${missing.join(', ')} on the broker; 'ta topics apply' creates what is missing.`,
    )
  }
  const topicOf = (name: string) => (name === '' ? undefined : { name, partitions: infos.get(name)! })
  return { trades: topicOf(names.trades), quotes: topicOf(names.quotes), bars: topicOf(names.bars) }
}

function speedOf(text: string | undefined): number {
  if (text === undefined || text === 'max') return Number.POSITIVE_INFINITY
  const speed = Number(text)
  if (!Number.isFinite(speed) || speed <= 0) throw usageError(SHAPE, `--speed takes max or a number above 0, not "${text}"`)
  return speed
}
