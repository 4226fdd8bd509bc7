import type { VerifyReport } from './verify.ts'

/** The report for a person, lines joined by line feeds, no ANSI. */
export function renderReport(report: VerifyReport): string {
  const lines = report.topics.map(({ topic, partitions, records, finals, provisionals, symbols }) =>
    records === 0
      ? `${topic}: empty (${counted(partitions, 'partition')})`
      : `${topic}: ${counted(records, 'record')} of ${counted(symbols, 'symbol')} on ${counted(partitions, 'partition')}` +
        ` (${whole(finals)} final, ${whole(provisionals)} provisional)`,
  )
  lines.push(
    `${counted(report.windows, 'window')} with final bar and signal, ${whole(report.retracted)} retracted, ${openWords(report)}`,
  )
  for (const { topic, partition, offset, symbol, detail } of report.violations) {
    lines.push(`  ${topic}[${partition}]@${offset} ${symbol ?? '(no key)'}: ${detail}`)
  }
  const more = report.violationCount - report.violations.length
  if (more > 0) lines.push(`  … and ${whole(more)} more`)
  lines.push(verdict(report))
  return lines.join('\n')
}

function openWords({ open, overdue }: VerifyReport): string {
  return overdue === 0
    ? `${whole(open)} open`
    : `${whole(open)} open, ${whole(overdue)} of them for long (is the engine running?)`
}

function verdict(report: VerifyReport): string {
  if (!report.ok) {
    const rules = Object.entries(report.violationsByRule).map(([rule, count]) => `${rule} ${whole(count)}`)
    return `Broken: ${counted(report.violationCount, 'violation')} (${rules.join(', ')}).`
  }
  if (report.topics.every(({ records }) => records === 0)) return 'Nothing was published yet, so nothing is broken.'
  return 'The promise holds: seq without gaps, one final a window, in order.'
}

function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`
}

function whole(count: number): string {
  return count.toLocaleString('en-US')
}
