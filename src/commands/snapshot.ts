/** `ta snapshot`: lists snapshots, shows what one holds, checks them. */
import { UserError } from '../contract/errors.ts'
import { EXIT_BUG, EXIT_OK, EXIT_SETTINGS, EXIT_USAGE } from '../contract/exit-codes.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { readSettings } from '../settings/settings.ts'
import { inspectSnapshot, snapshotFault, snapshotRows } from '../snapshot/snapshot-view.ts'
import type { SnapshotRow } from '../snapshot/snapshot-view.ts'
import { commandShape, tableText, withArguments, type CommandContext } from './command.ts'
import { openStore } from './open-store.ts'

const SHAPE = commandShape({
  name: 'snapshot',
  summary: 'lists snapshots, shows what one holds, checks them',
  usage: 'list|inspect|verify [--task P] [--epoch N] [--symbol S] [--json]',
  options: {
    task: { type: 'integer', value: 'P', text: 'this task alone (inspect: 0 when not said)', min: 0 },
    epoch: { type: 'integer', value: 'N', text: 'this epoch (inspect: the newest when not said)', min: 0 },
    symbol: { type: 'string', value: 'S', text: "inspect: that symbol's state, too" },
    json: { type: 'boolean', text: 'JSON in place of a table' },
  },
  positionals: { name: 'list|inspect|verify', min: 1, max: 1, oneOf: ['list', 'inspect', 'verify'] },
})

export async function snapshot(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options, positionals: [action] }) => {
    const settings = readSettings(context.env, { command: 'snapshot' })
    const store = await openStore(settings)
    if (store === null) throw new UserError(EXIT_SETTINGS, 'TA_SNAPSHOT_URI is not set: say where the snapshots lie.')
    const rows = (await snapshotRows(store, settings.groupId)).filter(
      ({ task, epoch }) => (options.task ?? task) === task && (options.epoch ?? epoch) === epoch,
    )
    if (action === 'list') {
      context.print(options.json === true ? `${JSON.stringify(rows)}\n` : listText(rows))
      return EXIT_OK
    }
    if (rows.length === 0) throw new UserError(EXIT_USAGE, `There is no such snapshot of the group ${settings.groupId} in ${store.place}.`)
    if (action === 'verify') return await verifyAll(store, settings.groupId, rows, context)
    const { task, epoch } = rows[0]
    context.print(`${JSON.stringify(await inspectSnapshot(store, settings.groupId, task, epoch, options.symbol), null, 2)}\n`)
    return EXIT_OK
  })
}

/** One line a snapshot; a column of faults only where there is one. */
function listText(rows: SnapshotRow[]): string {
  const faults = rows.some(({ fault }) => fault !== '')
  const cells = rows.map(({ task, epoch, storedAt, bytes, symbols, fault }) =>
    [...[task, epoch, storedAt, bytes, symbols].map((value) => String(value ?? '-')), ...(faults ? [fault && `broken: ${fault}`] : [])])
  return tableText([['TASK', 'EPOCH', 'STORED', 'BYTES', 'SYMBOLS', ...(faults ? ['FAULT'] : [])], ...cells])
}

async function verifyAll(store: SnapshotStore, group: string, rows: { task: number; epoch: number }[], context: CommandContext): Promise<number> {
  let faults = 0
  for (const { task, epoch } of rows) {
    const fault = await snapshotFault(store, group, task, epoch)
    if (fault !== '') faults++
    context.print(`task ${task} epoch ${epoch}: ${fault === '' ? 'ok' : fault}\n`)
  }
  return faults === 0 ? EXIT_OK : EXIT_BUG
}
