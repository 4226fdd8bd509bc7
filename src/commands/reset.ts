/** `ta reset`: starts the job anew at another place. */
import { ownBundle } from '../bundle/own-kernel.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_OK, EXIT_SETTINGS, EXIT_USAGE } from '../contract/exit-codes.ts'
import { stampMs } from '../contract/stamp.ts'
import { openLogger } from '../logging/logger.ts'
import { resetJob, resetPositions } from '../reset/reset.ts'
import type { ResetPlace } from '../reset/reset.ts'
import { readSettings, secretsOf } from '../settings/settings.ts'
import { assertTopics, describeWanted } from '../topics/topics.ts'
import { commandShape, tableText, withArguments, type CommandContext } from './command.ts'
import { openLog } from './open-log.ts'
import { openStore } from './open-store.ts'

const SHAPE = commandShape({
  name: 'reset',
  summary: 'starts the job anew at another place; state, seq and snapshots begin anew, too',
  usage: '--from earliest|latest|TIME --yes',
  options: {
    from: { type: 'string', value: 'earliest|latest|TIME', text: 'where the inputs are read from; TIME is RFC 3339', required: true },
    yes: { type: 'boolean', text: 'do it; without it only what would be done is shown' },
  },
})

const CONNECT_MS = 10_000

/** Shows, and with --yes writes, where each task begins anew. */
export async function reset(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options }) => {
    const settings = readSettings(context.env, { command: 'reset' })
    const place = placeOf(options.from)
    const log = await openLog(settings, openLogger({ level: settings.logLevel, secrets: secretsOf(context.env) }))
    try {
      await log.connect(CONNECT_MS)
      await assertTopics(log, settings)
      const infos = await describeWanted(log, settings)
      const partitions = infos.find(({ name }) => name === settings.tradesTopic)?.partitions ?? 0
      if (partitions === 0) throw new UserError(EXIT_SETTINGS, `${settings.tradesTopic} (TA_TRADES_TOPIC) has no partitions.`)
      const inputs = [settings.tradesTopic, settings.quotesTopic, settings.bars1mTopic]
      const positions = await resetPositions({ log, inputs, partitions }, place)
      context.print(tableText([['TASK', ...inputs.map((topic) => topic || '-')], ...positions.map((offsets, task) => [String(task), ...offsets.map(String)])]))
      if (options.yes !== true) {
        throw new UserError(EXIT_USAGE, 'Nothing was changed: say --yes to start anew there. State, seq and snapshots of this job begin anew, too.')
      }
      await resetJob({
        log, store: await openStore(settings), group: settings.groupId, transactionalIdPrefix: settings.transactionalIdPrefix,
        instance: settings.instanceId, epochsTopic: settings.epochsTopic, inputs, partitions, bundle: ownBundle(settings),
      }, place, positions)
      return EXIT_OK
    } finally {
      await log.close()
    }
  })
}

function placeOf(from: string): ResetPlace {
  if (from === 'earliest' || from === 'latest') return from
  const timeMs = stampMs(from)
  if (Number.isNaN(timeMs)) throw new UserError(EXIT_USAGE, `--from takes earliest, latest or an RFC 3339 time, not "${from}".`)
  return { timeMs: Math.floor(timeMs) }
}
