/** `ta demo`: a local broker, a made-up market (or a file), the engine and a table that lives. No setting is needed. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { freePort, isFree } from '../demo/broker-process.ts'
import { startEngine } from '../demo/engine-process.ts'
import { startLocalBroker } from '../demo/local-broker.ts'
import { MarketSource } from '../demo/market-source.ts'
import { runDemo } from '../demo/session.ts'
import type { DemoParts } from '../demo/session.ts'
import { renderLine } from '../demo/table.ts'
import { EXIT_OK } from '../contract/exit-codes.ts'
import { feedRecords } from '../feed/feed.ts'
import { stampPaths } from '../feed/route.ts'
import { FeedSource } from '../feed/source.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import { openLogger } from '../logging/logger.ts'
import { readSettings, secretsOf } from '../settings/settings.ts'
import type { Environment, Settings } from '../settings/settings.ts'
import { commandShape, withArguments, type CommandContext } from './command.ts'
import { inputTopics } from './feed.ts'
import { openAppender } from './open-log.ts'
import { openLog } from './open-log.ts'
import { systemClock } from './system-clock.ts'

const PARTITIONS_DEFAULT = 4
const HTTP_PORT_DEFAULT = 8_080
/** Bars and signals of 20 symbols are some 60 KB a second. */
const READ_RECORDS = 4_096
const READ_VALUE_BYTES = 4 * 1024 * 1024
/** After a feed's end the last windows become final; then the table stands still. */
const AFTER_FEED_SLACK_MS = 2_000

const say = (text: string) => void process.stderr.write(`${text}\n`)

const SHAPE = commandShape({
  name: 'demo',
  summary: 'a local broker, a feed, the engine and a table that lives; no setting needed',
  usage: '[--feed FILE.jsonl] [--seconds N] [--partitions N] [--seed N] [--port N]',
  options: {
    feed: { type: 'string', value: 'FILE.jsonl', text: 'play this file, moved to now, instead of the made-up market' },
    seconds: { type: 'integer', value: 'N', min: 1, max: 1_000_000, text: 'end after so many seconds (default: at Ctrl-C)' },
    partitions: { type: 'integer', value: 'N', min: 1, max: 64, text: `partitions of the topics (${PARTITIONS_DEFAULT})` },
    seed: { type: 'integer', value: 'N', min: 0, max: 0x7fffffff, text: 'another made-up market (1)' },
    port: {
      type: 'integer',
      value: 'N',
      min: 1,
      max: 65_535,
      text: `port of the console (${HTTP_PORT_DEFAULT}, or a free one where that is taken)`,
    },
  },
  notes: [
    'With TA_KAFKA_BOOTSTRAP set it uses that broker, with topics of its own, which stay there afterwards. Nothing else stays.',
  ],
})

/** Runs the demo to its end; nothing is left behind, whatever ends it. */
export async function demo(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options }) => {
    const { stop } = context
    // Before anything starts: a wrong setting or file is said at once.
    const { fieldMap } = readSettings(context.env)
    const file = options.feed === undefined ? undefined : await FeedSource.open([options.feed], { fieldMap, rawBad: false })
    await using ends = new AsyncDisposableStack()
    const folder = mkdtempSync(join(tmpdir(), 'torghut-ta-demo-'))
    ends.defer(() => rmSync(folder, { recursive: true, force: true }))
    const ownBroker = (context.env.TA_KAFKA_BOOTSTRAP ?? '').trim() === ''
    say(ownBroker ? 'Starting a local Kafka broker …' : `Using the broker ${context.env.TA_KAFKA_BOOTSTRAP} …`)
    const broker = ownBroker ? ends.adopt(await startLocalBroker({ keepClasses: true }), (started) => started.stop()) : undefined
    if (stop.aborted) return EXIT_OK
    const httpPort = options.port ?? ((await isFree(HTTP_PORT_DEFAULT)) ? HTTP_PORT_DEFAULT : await freePort())
    const env = demoEnvironment(context.env, { folder, httpPort, bootstrap: broker?.bootstrap })
    const settings = readSettings(env, { command: 'run' })
    say('Starting the engine …')
    const table = await runDemo(
      partsOf(settings, env, folder, file ?? { seed: options.seed ?? 1 }),
      {
        settings,
        partitions: options.partitions ?? PARTITIONS_DEFAULT,
        consoleUrl: `http://127.0.0.1:${httpPort}/`,
        durationMs: options.seconds === undefined ? undefined : options.seconds * 1000,
        afterFeedMs: afterFeedMs(settings),
      },
      stop,
    )
    context.print(`${renderLine(table)}\n`)
    if (!ownBroker) say(`The topics ${topicPrefix(settings)}* stay on ${settings.kafkaBootstrap}.`)
    return EXIT_OK
  })
}

/** On a terminal somebody may want to look at the last state; elsewhere the end of the file is the end. */
function afterFeedMs(settings: Settings): number | undefined {
  return process.stdout.isTTY ? undefined : settings.latenessMs + settings.watermarkIdleTimeoutMs + AFTER_FEED_SLACK_MS
}

/** The environment of the engine: what the user set, with a group, topics, snapshots and a port of the demo's own. */
function demoEnvironment(
  env: Environment,
  own: { folder: string; httpPort: number; bootstrap: string | undefined },
): NodeJS.ProcessEnv {
  const prefix = `ta-demo-${randomBytes(4).toString('hex')}`
  const topic = (name: string) => `${prefix}.${name}`
  return {
    ...env,
    ...(own.bootstrap === undefined ? {} : { TA_KAFKA_BOOTSTRAP: own.bootstrap, TA_KAFKA_SECURITY: 'PLAINTEXT' }),
    TA_GROUP_ID: prefix,
    TA_TRADES_TOPIC: topic('trades'),
    TA_QUOTES_TOPIC: topic('quotes'),
    TA_BARS1M_TOPIC: topic('bars.1m'),
    TA_MICROBARS_TOPIC: topic('out.bars.1s'),
    TA_SIGNALS_TOPIC: topic('out.signals'),
    TA_STATUS_TOPIC: topic('out.status'),
    TA_LATE_TOPIC: topic('late'),
    TA_DLQ_TOPIC: topic('dlq'),
    TA_EPOCHS_TOPIC: topic('epochs'),
    TA_AUTO_OFFSET_RESET: 'earliest',
    TA_SNAPSHOT_URI: pathToFileURL(join(own.folder, 'snapshots')).href,
    TA_HTTP_HOST: '127.0.0.1',
    TA_HTTP_PORT: String(own.httpPort),
    TA_HTTP_TOKEN: '',
    TA_OUTPUT_FORMAT: 'json',
    UV_THREADPOOL_SIZE: env.UV_THREADPOOL_SIZE ?? '64',
  }
}

function topicPrefix({ groupId }: Settings): string {
  return `${groupId}.`
}

function partsOf(settings: Settings, env: NodeJS.ProcessEnv, folder: string, feed: FeedSource | { seed: number }): DemoParts {
  // Under the table a log line would only be litter; the engine has a log of its own.
  const logger = openLogger({ level: 'error', secrets: secretsOf(env) })
  const main = fileURLToPath(new URL('../main.ts', import.meta.url))
  const args = ['--disable-warning=ExperimentalWarning', main, 'run']
  return {
    clock: systemClock,
    output: process.stdout,
    say,
    env,
    columns: recordColumns(READ_RECORDS, READ_RECORDS * 32, READ_VALUE_BYTES),
    openLog: () => openLog(settings, logger),
    openAppender: () => openAppender(settings, logger),
    startEngine: () => startEngine({ command: process.execPath, args, env, folder, httpPort: settings.httpPort }),
    feed: async (appender, log, signal) => {
      const common = { topics: await inputTopics(log, settings), stampPaths: stampPaths(settings.fieldMap), speed: 1, signal }
      const isFile = feed instanceof FeedSource
      const source = isFile ? feed : new MarketSource(feed.seed, systemClock.nowMs())
      await feedRecords(source, appender, systemClock, { ...common, shiftToNow: isFile, dueByClock: !isFile })
    },
  }
}
