/**
 * What an epoch published, as it stands on a topic, against what running it again has computed: the first record that differs, and in
 * which columns. Pure.
 *
 * In:  values of output records, in the order in which they were published. Out: words for a person. Imports: nothing.
 */

/** Columns that are named; of the others only how many there are. */
const COLUMNS_MOST = 3

/** What is compared of a record: its text, and what it says. */
interface OutputRecord {
  value: Buffer
  /** Symbol and window: by it published and computed records are matched. */
  name: string
  /** The name for people, with seq. */
  title: string
  fields: Map<string, unknown>
}

export interface Published {
  values: Buffer[]
  /** All that the epoch has published is among them: one that is missing was never there. */
  isWhole: boolean
}

/** In words, the first record that is not the same; null when all that can be compared is. */
export function outputDifference({ values, isWhole }: Published, computed: Buffer[]): string | null {
  const there = matchable(values)
  const now = matchable(computed)
  for (const [name, record] of there) {
    const again = now.get(name)
    if (again === undefined) return `${record.title} is on the topic, and is not computed now`
    if (!again.value.equals(record.value)) return `${record.title} is ${columnsOf(record, again)}`
  }
  if (!isWhole) return null
  const added = [...now].find(([name]) => !there.has(name))
  return added === undefined ? orderOf(values, computed) : `${added[1].title} is computed now, and is not on the topic`
}

/** How many of the computed records have the symbol and window of one that was published. */
export function sharedCount(values: Buffer[], computed: Buffer[]): number {
  const now = matchable(computed)
  return [...matchable(values).keys()].filter((name) => now.has(name)).length
}

/** The same records in another order have another digest, too. */
function orderOf(values: Buffer[], computed: Buffer[]): string | null {
  const at = values.findIndex((value, i) => !value.equals(computed[i]))
  return at < 0 ? null : `${recordOf(values[at]).title} comes at another place among those of its epoch`
}

/** Records by symbol and window; of several of one window (revisions) each by its turn. */
function matchable(values: Buffer[]): Map<string, OutputRecord> {
  const found = new Map<string, OutputRecord>()
  for (const record of values.map(recordOf)) {
    let turn = 1
    while (found.has(`${record.name} ${turn}`)) turn++
    found.set(`${record.name} ${turn}`, record)
  }
  return found
}

function recordOf(value: Buffer): OutputRecord {
  const fields = new Map<string, unknown>()
  try {
    flatten('', JSON.parse(value.toString('utf8')), fields)
  } catch {
    // a text that is no JSON is compared as a whole: whoever wrote it, it is not what would be written now
  }
  const text = (field: string): string => String(fields.get(field))
  const start = text('window.start').replace(/\.000Z$/, 'Z')
  const name = `${text('symbol')} ${text('window.size')} ${start}`
  return { value, name, title: `${text('symbol')} ${start} (${text('window.size')}, seq ${text('seq')})`, fields }
}

/** Leaves of an envelope by path: a column is known by its name in the payload, as in a table. */
function flatten(path: string, value: unknown, into: Map<string, unknown>): void {
  if (typeof value !== 'object' || value === null) {
    into.set(path.replace(/^payload\./, ''), value)
    return
  }
  for (const [name, inner] of Object.entries(value)) flatten(path === '' ? name : `${path}.${name}`, inner, into)
}

function columnsOf({ value, fields }: OutputRecord, again: OutputRecord): string {
  const differing = [...new Set([...fields.keys(), ...again.fields.keys()])].filter((name) => !Object.is(fields.get(name), again.fields.get(name)))
  if (differing.length === 0) return `the same but for its text, from byte ${firstDifference(value, again.value)} on`
  const show = (of: Map<string, unknown>, name: string): string => (of.has(name) ? valueText(of.get(name)) : 'absent')
  const named = differing.slice(0, COLUMNS_MOST).map((name) => `"${name}" ${show(fields, name)} on the topic, ${show(again.fields, name)} computed now`)
  const more = differing.length - named.length
  return named.join('; ') + (more > 0 ? `; and ${more} more ${more === 1 ? 'column differs' : 'columns differ'}` : '')
}

/** As in JSON, but that it has no −0. */
const valueText = (value: unknown): string => (Object.is(value, -0) ? '-0' : JSON.stringify(value))

function firstDifference(a: Buffer, b: Buffer): number {
  let at = 0
  while (at < a.length && a[at] === b[at]) at++
  return at
}
