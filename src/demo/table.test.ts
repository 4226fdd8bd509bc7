import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { MARKET_SYMBOLS } from './market.ts'
import { showLive } from './screen.ts'
import { renderLine, renderTable } from './table.ts'
import { applyOutput, newTable } from './table-state.ts'
import type { TableState } from './table-state.ts'

const T0 = Date.parse('2025-12-03T18:32:10Z')

function record(channel: string, symbol: string, endMs: number, isFinal: boolean, payload: object, size = 'PT1S'): Buffer {
  const window = { size, step: size, start: new Date(endMs - 1000).toISOString(), end: new Date(endMs).toISOString() }
  return Buffer.from(JSON.stringify({ channel, symbol, is_final: isFinal, window, payload }))
}

const bar = (symbol: string, endMs: number, close: number | null, isFinal = false) =>
  record('bars_1s', symbol, endMs, isFinal, { o: close, h: close, l: close, c: close, v: 1234, count: close === null ? 0 : 1 })

const signal = (symbol: string, endMs: number, rsi: number) =>
  record('signals', symbol, endMs, false, {
    macd: { macd: 1, signal: 1, hist: -0.0123 },
    rsi14: rsi,
    vwap: { session: 181.5 },
    imbalance: { spread: 0.02, ratio: 0.25 },
    signal_quality_flag: 'warming_up',
  })

function filled(): TableState {
  const table = newTable(T0)
  table.engine = 'live'
  table.nowMs = T0 + 65_000
  table.recordsIn = 65_000
  MARKET_SYMBOLS.forEach((symbol, i) => {
    applyOutput(table, bar(symbol, T0 + 1000, 180, true), T0 + 1000)
    applyOutput(table, bar(symbol, T0 + 2000, 181.25), T0 + 2000 + 10 + i)
    applyOutput(table, signal(symbol, T0 + 2000, 71.5), T0 + 2011)
  })
  return table
}

describe('applyOutput', () => {
  it("takes the latency from a window's first provisional bar alone", () => {
    const table = newTable(T0)
    applyOutput(table, bar('A', T0 + 1000, 5), T0 + 1020)
    applyOutput(table, bar('A', T0 + 1000, 6), T0 + 1900)
    applyOutput(table, bar('A', T0 + 1000, 6, true), T0 + 3000)
    applyOutput(table, bar('A', T0 + 2000, 7, true), T0 + 4000)
    expect(table.rows.get('A')).toMatchObject({ latencyMs: 20, close: 7, closeBefore: 6 })
    expect([table.latencies.percentile(0.5), table.latencies.percentile(0.99)]).toEqual([20, 20])
  })

  it('shows the newest window, not a late final of an older one, and no minute bars', () => {
    const table = newTable(T0)
    applyOutput(table, bar('A', T0 + 3000, 7), T0 + 3000)
    applyOutput(table, bar('A', T0 + 1000, 5, true), T0 + 3001)
    applyOutput(table, signal('A', T0 + 1000, 10), T0 + 3001)
    applyOutput(table, record('signals', 'A', T0 + 60_000, true, { rsi14: 99 }, 'PT1M'), T0 + 3002)
    applyOutput(table, bar('A', T0 + 4000, null), T0 + 4000)
    applyOutput(table, Buffer.from('no json'), T0 + 4000)
    expect(table.rows.get('A')).toMatchObject({ close: 7, rsi: null, endMs: T0 + 4000 })
    expect(table.recordsOut).toBe(6)
  })

  it('keeps percentiles of the newest latencies', () => {
    const table = newTable(T0)
    expect(table.latencies.percentile(0.5)).toBeNaN()
    for (let i = 1; i <= 5_000; i++) table.latencies.add(i > 4_000 ? 10 : 1_000)
    for (let i = 0; i < 2_048; i++) table.latencies.add(i < 2_000 ? 10 : 90)
    expect([table.latencies.percentile(0.5), table.latencies.percentile(0.99)]).toEqual([10, 90])
  })
})

describe('renderTable', () => {
  it('fits every size, with and without colours', () => {
    const table = filled()
    for (const columns of [1, 20, 40, 79, 80, 81, 100, 120, 200]) {
      for (const rows of [1, 3, 5, 24, 25, 60]) {
        for (const colours of [false, true]) {
          const lines = renderTable(table, columns, rows, colours).split('\n')
          expect(lines.length).toBeLessThanOrEqual(rows)
          for (const line of lines) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns)
        }
      }
    }
  })

  it('shows all 20 symbols and the important columns on 80x24', () => {
    const lines = renderTable(filled(), 80, 24).split('\n')
    expect(lines).toHaveLength(24)
    expect(lines[0]).toBe('torghut-ta  engine live  1:05  in 65,000 (1,000/s)  out 60')
    expect(lines[1]).toBe('window end to reader: p50 20 ms  p99 29 ms')
    expect(lines[2]).toBe('symbol      last  volume rsi14   macd h      vwap spread  ratio  flag    ms')
    expect(lines[3]).toBe('AAPL      181.25    1234  71.5  -0.0123    181.50   0.02   0.25  warm    12')
    expect(lines[23]).toBe('Ctrl-C ends it.')
    for (const symbol of MARKET_SYMBOLS) expect(lines.some((line) => line.startsWith(symbol))).toBe(true)
  })

  it('shows open, high and low where there is room, and says what is hidden where there is none', () => {
    expect(renderTable(filled(), 120, 24)).toMatch(/open +high +low/)
    expect(renderTable(filled(), 80, 10)).toContain('14 more symbols')
  })

  it('colours only when told to', () => {
    expect(renderTable(filled(), 80, 24)).not.toContain('\x1b')
    const coloured = renderTable(filled(), 80, 24, true)
    expect(coloured).toContain('\x1b[32m')
    expect(stripVTControlCharacters(coloured)).toBe(renderTable(filled(), 80, 24))
  })

  it('says that nothing has come yet', () => {
    expect(renderTable(newTable(T0), 80, 24)).toContain('no latency yet')
    expect(renderLine(newTable(T0))).toBe('0:00 engine starting, in 0, out 0, no latency yet, no bar yet')
  })
})

describe('showLive', () => {
  const drawing = {
    frame: (columns: number, rows: number, colours: boolean) => `${columns}x${rows} ${colours}\nsecond`,
    line: () => 'a line',
  }

  it('draws in place on a terminal and restores it', () => {
    const written: string[] = []
    const end = showLive({ isTTY: true, columns: 90, rows: 30, write: (text) => written.push(text) }, drawing, { NO_COLOR: '1' })
    end()
    expect(written[0]).toContain('\x1b[?1049h')
    expect(written[1]).toContain('90x30 false\x1b[K\r\nsecond\x1b[K')
    expect(written[1]).not.toContain('\x1b[2J')
    expect(written.at(-1)).toContain('\x1b[?1049l')
  })

  it('writes no escapes where there is no terminal', () => {
    const written: string[] = []
    showLive({ write: (text) => written.push(text) }, drawing, {})()
    expect(written).toEqual([])
  })
})
