import { isDerived } from './settings.ts'
import { SECTIONS } from './table.ts'

/** docs/settings.md, made from the table. `ta config --docs` prints it. */
export function settingsMarkdown(): string {
  const head = [
    '# Settings',
    '',
    'All settings come from the environment. A wrong one ends the command with exit code 78 before anything connects, and all',
    'that are wrong are named at once; a variable that begins with `TA_` and is not in these tables is wrong, too. Empty means',
    'not set, except where it says off. `ta config` shows what is in effect. Settings marked † decide what is computed: they',
    'are part of the bundle, and a change of one takes effect at a barrier.',
    '',
    '<!-- made by `ta config --docs`; a test keeps it in step with src/settings/table.ts -->',
  ]
  const sections = SECTIONS.flatMap(([title, definitions]) => [
    '', `## ${title}`, '', '| setting | values | default | what it does |', '|---|---|---|---|',
    ...Object.values(definitions).map((definition) => {
      const marks = `${definition.affectsResults ? ' †' : ''}${definition.secret ? ' (secret)' : ''}`
      const cells = [`\`${definition.name}\`${marks}`, definition.kind, shownDefault(definition.default), definition.text]
      return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
    }),
  ])
  return [...head, ...sections, ''].join('\n')
}

function shownDefault(value: unknown): string {
  if (isDerived(value)) return value.text
  return value === '' || typeof value === 'object' ? '' : `\`${String(value)}\``
}
