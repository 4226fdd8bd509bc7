/** Latencies by percentile as an SVG picture: both axes logarithmic, so that the tail is as wide as the rest. */
import type { Latencies } from './latencies.ts'

export interface Curve {
  name: string
  latencies: Latencies
  dashed?: boolean
}

const WIDTH = 860
const HEIGHT = 500
const PLOT = { left: 64, right: 24, top: 56, bottom: 122 }
const COLORS = ['#1f6feb', '#1a7f37', '#9a6700', '#8250df', '#6e7781']
/** Percentiles with a line of their own. */
const TICKS = [0, 50, 75, 90, 95, 99, 99.9, 99.99, 99.999]
const POINTS_A_DECADE = 40

/** How far right a percentile lies, in decades of what is above it: 90 → 1, 99 → 2. */
const decadesOf = (percentile: number): number => -Math.log10(1 - percentile / 100)

/** The picture; curves without latencies are left out. Throws RangeError when none is left. */
export function drawPercentiles(title: string, subtitle: string, curves: readonly Curve[]): string {
  const drawn = curves.filter(({ latencies }) => latencies.count > 0)
  if (drawn.length === 0) throw new RangeError('there are no latencies to draw')
  const decades = Math.max(2, ...drawn.map(({ latencies }) => Math.log10(latencies.count)))
  const all = drawn.flatMap(({ latencies }) => [latencies.summary().min as number, latencies.summary().max as number])
  const low = Math.floor(Math.log10(Math.min(...all)))
  // a histogram's largest value may be 0.1 % above what was recorded: no decade of its own for that
  const high = Math.max(Math.ceil(Math.log10(Math.max(...all)) - 0.001), low + 1)
  const x = (at: number): number => PLOT.left + (at / decades) * (WIDTH - PLOT.left - PLOT.right)
  const y = (ms: number): number => HEIGHT - PLOT.bottom - ((Math.log10(ms) - low) / (high - low)) * (HEIGHT - PLOT.top - PLOT.bottom)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#24292f">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${PLOT.left}" y="24" font-size="16" font-weight="600">${escaped(title)}</text>`,
    `<text x="${PLOT.left}" y="42" fill="#57606a">${escaped(subtitle)}</text>`,
    ...percentileLines(decades, x), ...latencyLines(low, high, y),
    ...drawn.flatMap((curve, index) => curveOf(curve, index, x, y)),
    '</svg>', '',
  ].join('\n')
}

function percentileLines(decades: number, x: (at: number) => number): string[] {
  const bottom = HEIGHT - PLOT.bottom
  return TICKS.filter((percentile) => decadesOf(percentile) <= decades).flatMap((percentile) => {
    const at = x(decadesOf(percentile)).toFixed(1)
    return [
      `<line x1="${at}" y1="${PLOT.top}" x2="${at}" y2="${bottom}" stroke="#d8dee4"/>`,
      `<text x="${at}" y="${bottom + 16}" text-anchor="middle">${percentile === 0 ? 'min' : `p${percentile}`}</text>`,
    ]
  })
}

function latencyLines(low: number, high: number, y: (ms: number) => number): string[] {
  const lines: string[] = []
  for (let decade = low; decade <= high; decade++) {
    for (const step of decade === high ? [1] : [1, 2, 5]) {
      const ms = step * 10 ** decade
      const at = y(ms).toFixed(1)
      lines.push(`<line x1="${PLOT.left}" y1="${at}" x2="${WIDTH - PLOT.right}" y2="${at}" stroke="${step === 1 ? '#d8dee4' : '#eef1f4'}"/>`)
      lines.push(`<text x="${PLOT.left - 6}" y="${Number(at) + 4}" text-anchor="end">${ms < 1000 ? `${Number(ms.toPrecision(1))} ms` : `${ms / 1000} s`}</text>`)
    }
  }
  return lines
}

function curveOf({ name, latencies, dashed }: Curve, index: number, x: (at: number) => number, y: (ms: number) => number): string[] {
  const color = COLORS[index % COLORS.length]
  const end = Math.log10(Math.max(latencies.count, 2))
  const points: string[] = []
  for (let i = 0; i <= end * POINTS_A_DECADE; i++) {
    const at = i / POINTS_A_DECADE
    const percentile = Math.max((1 - 10 ** -at) * 100, 1e-9)
    points.push(`${x(at).toFixed(1)},${y(latencies.at(percentile)).toFixed(1)}`)
  }
  points.push(`${x(end).toFixed(1)},${y(latencies.at(100)).toFixed(1)}`)
  const stroke = `stroke="${color}" stroke-width="2"${dashed ? ' stroke-dasharray="6 4"' : ''}`
  const [keyX, keyY] = [PLOT.left, HEIGHT - PLOT.bottom + 46 + index * 18]
  const { count, p50, p99 } = latencies.summary()
  return [
    `<polyline fill="none" ${stroke} points="${points.join(' ')}"/>`,
    `<line x1="${keyX}" y1="${keyY - 4}" x2="${keyX + 28}" y2="${keyY - 4}" ${stroke}/>`,
    `<text x="${keyX + 36}" y="${keyY}">${escaped(name)}: p50 ${shown(p50)}, p99 ${shown(p99)} ms (${count.toLocaleString('en-US')})</text>`,
  ]
}

const shown = (ms: number | null): string => (ms === null ? '–' : ms < 10 ? ms.toFixed(1) : ms.toFixed(0))
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
