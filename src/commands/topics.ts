/** `ta topics check|apply`: whether the topics are such that the engine can keep its promise; creates those that are missing. */
import { EXIT_OK } from '../contract/exit-codes.ts'
import { openLogger } from '../logging/logger.ts'
import type { Log } from '../ports/log.ts'
import { readSettings, secretsOf, type Settings } from '../settings/settings.ts'
import { findTopicProblems, wantedTopics } from '../topics/findings.ts'
import { createTopics, describeWanted, PARTITIONS_DEFAULT, planTopics, topicsError } from '../topics/topics.ts'
import { commandShape, tableText, withArguments, type CommandContext } from './command.ts'
import { openLog } from './open-log.ts'

const CONNECT_TIMEOUT_MS = 15_000

const SHAPE = commandShape({
  name: 'topics',
  summary: 'checks the topics, or creates those that are missing',
  usage: 'check|apply [--partitions N] [--replication-factor N] [--json]',
  positionals: { name: 'check or apply', min: 1, max: 1, oneOf: ['check', 'apply'] },
  options: {
    partitions: { type: 'integer', value: 'N', min: 1, max: 256,
      text: `apply: partitions of new topics (as those that are there, else ${PARTITIONS_DEFAULT})` },
    'replication-factor': { type: 'integer', value: 'N', min: 1, max: 32,
      text: "apply: copies of new topics (as those that are there, else the broker's default)" },
    json: { type: 'boolean', text: 'JSON instead of a table' },
  },
  notes: ['Ends with 78 when something is wrong that it did not put right.'],
})

interface Asked {
  apply: boolean
  json: boolean
  partitions?: number
  replicationFactor?: number
}

/** Prints a table of the topics; throws UserError 78 after that when something is wrong. */
export async function topics(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options, positionals }) => {
    const settings = readSettings(context.env, { command: 'topics' })
    const logger = openLogger({ level: settings.logLevel, secrets: secretsOf(context.env) })
    const log = await openLog(settings, logger)
    try {
      await log.connect(CONNECT_TIMEOUT_MS)
      const { json, partitions, 'replication-factor': replicationFactor } = options
      return await lookAfterTopics(log, settings, { apply: positionals[0] === 'apply', json, partitions, replicationFactor },
        context)
    } finally {
      await log.close()
    }
  })
}

async function lookAfterTopics(
  log: Log, settings: Settings, { apply, json, ...asked }: Asked, context: Pick<CommandContext, 'print'>,
): Promise<number> {
  const before = await describeWanted(log, settings)
  const plan = apply ? planTopics(settings, before, asked) : []
  await createTopics(log, plan)
  const infos = apply ? await describeWanted(log, settings) : before
  const findings = findTopicProblems(settings, infos)
  const created = new Set(plan.map(({ name }) => name))
  const rows = wantedTopics(settings).map(({ name, role, setting }) => {
    const info = infos.find((one) => one.name === name)
    const wrong = findings.filter(({ topic }) => topic === name)
    const state = wrong.length > 0 ? wrong.map(({ kind }) => kind).join(', ') : created.has(name) ? 'created' : 'ok'
    return { topic: name, role, setting, partitions: info?.partitions ?? 0, replicationFactor: info?.replicationFactor ?? 0,
      state }
  })
  context.print(json ? `${JSON.stringify({ topics: rows, findings }, null, 2)}\n` : topicsTable(rows))
  if (findings.length > 0) throw topicsError(findings)
  return EXIT_OK
}

interface Row {
  topic: string
  role: string
  partitions: number
  replicationFactor: number
  state: string
}

function topicsTable(rows: readonly Row[]): string {
  const cells = rows.map((row) => [row.topic, row.role, String(row.partitions), String(row.replicationFactor), row.state])
  return tableText([['TOPIC', 'ROLE', 'PARTITIONS', 'COPIES', 'STATE'], ...cells])
}
