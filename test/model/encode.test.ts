import { describe, expect, it } from 'vitest'
import { encode } from './encode.ts'
import { cancelRecord, minuteBarRecord, quoteRecord, tradeRecord } from './records.ts'
import { at, TestTask } from './task.ts'

const MADE = '2024-11-01T14:00:02.001Z'
const head = `{"ingest_ts":"${MADE}","event_ts":"2024-11-01T14:00:02Z","feed":"sip","channel":`
const window = '"window":{"size":"PT1S","step":"PT1S","start":"2024-11-01T14:00:01Z","end":"2024-11-01T14:00:02Z"}'

describe('encode', () => {
  it('writes bars and signals with the contract’s keys in its order', () => {
    const task = new TestTask()
    task.trade(tradeRecord({ t: at('1.5'), p: 0.1, s: 3 }))
    task.trade(tradeRecord({ t: at('1.6'), i: 2, p: 1e-7, s: 1e21 }))
    task.quote(quoteRecord({ t: at(1), bp: 0.1, ap: 0.3, bs: 0.5 }))
    const [bar, signal] = task.closeAll().map((out) => encode(out, MADE))
    expect(bar).toBe(
      `${head}"bars_1s","symbol":"AAPL","seq":1,"is_final":true,"source":"ta",${window},` +
      '"payload":{"o":0.1,"h":0.1,"l":1e-7,"c":1e-7,"v":1e+21,"vwap":1.000000000000003e-7,"count":2,' +
      '"t":"2024-11-01T14:00:02Z"},"version":1}',
    )
    expect(signal).toBe(
      `${head}"signals","symbol":"AAPL","seq":1,"is_final":true,"source":"ta",${window},` +
      '"payload":{"macd":{"macd":0,"signal":0,"hist":0},"ema":{"ema12":1e-7,"ema26":1e-7},"rsi14":null,' +
      '"boll":{"mid":null,"upper":null,"lower":null},"vwap":{"session":1.000000000000003e-7,"w5m":1.000000000000003e-7},' +
      '"imbalance":{"spread":0.19999999999999998,"bid_px":0.1,"ask_px":0.3,"bid_sz":0.5,"ask_sz":3,' +
      '"ratio":-0.7142857142857143},' +
      '"vol_realized":{"w60s":null},"bars":1,"signal_quality_flag":"warming_up"},"version":1}',
    )
  })

  it('writes null for what there is none of, and marks what is taken back', () => {
    const task = new TestTask()
    task.trade(tradeRecord({ t: at('1.5'), s: 0 }, { feed: 'a"b' }))
    const outs = task.model.closeEpoch(Date.parse(at(2)), { trades: false, quotes: false })
    const none = '"imbalance":{"spread":null,"bid_px":null,"ask_px":null,"bid_sz":null,"ask_sz":null,"ratio":null}'
    expect(encode(outs[1], MADE)).toContain(none)
    expect(encode(outs[1], MADE)).toContain('"vwap":{"session":null,"w5m":null}')
    task.trade(cancelRecord({ t: at(2) }))
    const [retracted] = task.closeAll().map((out) => encode(out, MADE))
    expect(retracted).toBe(
      `${head.replace('sip', 'a\\"b')}"bars_1s","symbol":"AAPL","seq":2,"is_final":true,"source":"ta",${window},` +
      '"payload":{"o":null,"h":null,"l":null,"c":null,"v":0,"vwap":null,"count":0,"t":"2024-11-01T14:00:02Z",' +
      '"retracted":true},"version":1}',
    )
  })

  it('a minute’s signal has no imbalance', () => {
    const task = new TestTask()
    task.take('bars', minuteBarRecord({ t: at(0) }))
    const text = encode(task.closeAll()[0], MADE)
    expect(text).toContain('"window":{"size":"PT1M","step":"PT1M","start":"2024-11-01T14:00:00Z","end":"2024-11-01T14:01:00Z"}')
    expect(text).toContain('"event_ts":"2024-11-01T14:01:00Z"')
    expect(text).toContain('"imbalance":null,"vol_realized":{"w60s":null},"bars":1')
  })
})
