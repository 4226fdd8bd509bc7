/** Cells and rows of docs/performance.md's tables. */
import type { Comparable } from './comparison.ts'
import type { Machine } from './machine.ts'

export const ms = (value: number | null): string => (value === null ? '–' : value.toFixed(1))
export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US')
export const row = (...cells: (string | number)[]): string => `| ${cells.join(' | ')} |`
export const headOf = (...cells: string[]): string[] => [row(...cells), row(...cells.map((_, i) => (i === 0 ? '---' : '---:')))]

/** Options, machine and note in a line. */
export function circumstances({ note, options, machine }: Comparable & { note: string; machine: Machine }): string {
  const said = Object.entries(options).map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(', ') : String(value)}`).join('; ')
  return `${said}. ${machine.cores} cores, load ${machine.load1m.toFixed(1)}, Node ${machine.node.slice(1)}.${note === '' ? '' : ` **${note}**`}`
}
