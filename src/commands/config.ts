/** `ta config`: the settings in effect, and where each comes from. */
import { EXIT_OK } from '../contract/exit-codes.ts'
import { settingsMarkdown } from '../settings/markdown.ts'
import { describeSettings, resolveSettings, SettingsError } from '../settings/settings.ts'
import { commandShape, tableText, withArguments, type CommandContext } from './command.ts'

const SHAPE = commandShape({
  name: 'config',
  summary: 'the settings in effect and where each comes from, secrets masked',
  usage: '[--json | --docs]',
  options: {
    json: { type: 'boolean', text: 'one JSON object instead of a table' },
    docs: { type: 'boolean', text: 'the page of all settings, as Markdown' },
  },
  notes: ['Ends with 78 when a setting is wrong, after it has shown the others.'],
})

/** Prints the settings; throws SettingsError after that when one is wrong. */
export async function config(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, ({ options }) => {
    if (options.docs) {
      context.print(settingsMarkdown())
      return EXIT_OK
    }
    const resolution = resolveSettings(context.env)
    const wrong = new Set(resolution.problems.map(({ name }) => name))
    const rows = describeSettings(resolution).map((row) => ({ ...row, source: wrong.has(row.name) ? 'wrong' : row.source }))
    if (options.json) {
      const settings = Object.fromEntries(rows.map(({ name, value, source }) => [name, { value, source }]))
      context.print(`${JSON.stringify({ settings, problems: resolution.problems }, null, 2)}\n`)
    } else {
      context.print(tableText([['SETTING', 'VALUE', 'FROM'],
        ...rows.map(({ name, value, source }) => [name, value || '-', source])]))
    }
    if (resolution.problems.length > 0) throw new SettingsError(resolution.problems)
    return EXIT_OK
  })
}
