import { describe, expect, it } from 'vitest'
import { cancelRecord, correctionRecord, quoteRecord, tradeRecord } from './records.ts'
import { at, barAt, TestTask } from './task.ts'

describe('bars', () => {
  it('hold the trades of [start, end), open and close by event time, then arrival', () => {
    const task = new TestTask()
    const come = [['1.5', 10], ['1.000000000', 11], ['1.999999999', 12], ['1.999999999', 13], ['1.000000000', 14], ['2', 15]]
    come.forEach(([t, p], i) => expect(task.trade(tradeRecord({ t: at(String(t)), i, p, s: 2 }))).toBe('applied'))
    const outs = task.closeAll()
    expect(barAt(outs, 1)).toEqual({ o: 11, h: 14, l: 10, c: 13, v: 10, vwap: 12, count: 5, t: at(2) })
    expect(barAt(outs, 2)).toMatchObject({ o: 15, c: 15, count: 1 })
  })

  it('have no VWAP where nothing was sold', () => {
    const task = new TestTask()
    task.trade(tradeRecord({ t: at(1), s: 0 }))
    expect(barAt(task.closeAll(), 1)).toMatchObject({ v: 0, vwap: null, count: 1 })
  })

  it('follow sale conditions: a price needs ✓, volume counts apart, no bar without either', () => {
    const task = new TestTask({ saleConditions: 'alpaca' })
    const trades = [
      { i: 1, p: 10, s: 1, c: ['@', 'I'] }, { i: 2, p: 11, s: 2, c: ['@'] }, { i: 3, p: 12, s: 4, c: ['@', 'M'] },
      { i: 4, p: 13, s: 8, c: ['@', 'B'], z: 'A' }, { i: 5, p: 14, s: 16, c: ['@', 'B'], z: 'C' },
    ]
    for (const trade of trades) task.trade(tradeRecord({ t: at(1), ...trade }))
    task.trade(tradeRecord({ t: at(2), i: 6, c: ['I'] }))
    task.trade(tradeRecord({ t: at(3), i: 7, c: ['@'], s: 0 }))
    // no tape is tape A: an average price
    task.trade(tradeRecord({ t: at(4), i: 8, c: ['B'], z: null }))
    const outs = task.closeAll()
    expect(barAt(outs, 1)).toMatchObject({ o: 11, h: 14, l: 11, c: 14, v: 27, count: 4, vwap: (11 * 2 + 14 * 16) / 18 })
    expect(outs).toHaveLength(2)
  })
})

describe('lateness', () => {
  it('ends a window when its own partition is two seconds past it, whatever the epoch', () => {
    const task = new TestTask()
    expect(task.trade(tradeRecord({ t: at(1), i: 1 }))).toBe('applied')
    expect(task.trade(tradeRecord({ t: at('3.999999999'), i: 2 }))).toBe('applied')
    expect(task.trade(tradeRecord({ t: at('1.1'), i: 3 }))).toBe('applied')
    expect(task.trade(tradeRecord({ t: at(4), i: 4 }))).toBe('applied')
    expect(task.trade(tradeRecord({ t: at('1.2'), i: 5 }))).toBe('late')
    // lateness before repetition
    expect(task.trade(tradeRecord({ t: at(1), i: 1 }))).toBe('late')
    expect(task.close()).toEqual(['bar 1 final 100×2', 'signal 1 final'])
  })

  it('is moved by what is late or repeated, too, and not by what is rejected or filtered', () => {
    const task = new TestTask()
    task.trade(tradeRecord({ t: at(1), i: 1 }))
    expect(task.trade(quoteRecord({ t: at(9) }))).toBe('filtered')
    expect(task.trade(tradeRecord({ t: at(9), p: 0 }))).toBe('rejected')
    expect(task.trade(tradeRecord({ t: at('1.1'), i: 2 }))).toBe('applied')
    // the same key with another time: a repetition, and it moves the watermark
    task.trade(tradeRecord({ t: at(3), i: 3 }))
    expect(task.trade(tradeRecord({ t: at(5), i: 3 }))).toBe('duplicate')
    expect(task.trade(tradeRecord({ t: at('2.9'), i: 4 }))).toBe('late')
  })
})

describe('repetitions', () => {
  it('are by symbol, exchange and id; with other values they are counted apart', () => {
    const task = new TestTask()
    const first = { t: at(1), i: 5 }
    expect(task.trade(tradeRecord(first))).toBe('applied')
    expect(task.trade(tradeRecord({ ...first, i: '5' }))).toBe('duplicate')
    expect(task.trade(tradeRecord({ ...first, x: 'P' }))).toBe('applied')
    expect(task.trade(tradeRecord({ ...first, x: null }))).toBe('applied')
    expect(task.trade(tradeRecord({ ...first, x: '' }))).toBe('applied')
    expect(task.trade(tradeRecord({ ...first, S: 'MSFT' }))).toBe('applied')
    expect(task.model.counts().conflictingDuplicates).toBe(0)
    expect(task.trade(tradeRecord({ ...first, p: 99 }))).toBe('duplicate')
    expect(task.trade(tradeRecord({ ...first, t: at('1.1') }))).toBe('duplicate')
    expect(task.model.counts().conflictingDuplicates).toBe(2)
    expect(task.model.counts().outcomes.trades).toEqual({ applied: 5, duplicate: 3, late: 0, filtered: 0, rejected: 0 })
  })

  it('end with the window of the trade found', () => {
    const task = new TestTask()
    task.trade(tradeRecord({ t: at(1), i: 5 }))
    task.trade(tradeRecord({ t: at(4), i: 6 }))
    // second 1 is over for this partition, although no epoch has ended
    expect(task.trade(tradeRecord({ t: at(4), i: 5 }))).toBe('applied')
    expect(task.trade(tradeRecord({ t: at(4), i: 5 }))).toBe('duplicate')
  })
})

describe('fixes', () => {
  const two = (task: TestTask) => {
    task.trade(tradeRecord({ t: at(1), i: 1, p: 10, s: 1 }))
    task.trade(tradeRecord({ t: at('1.5'), i: 2, p: 20, s: 1 }))
  }

  it('take a trade away as if it had never been; its id stays known', () => {
    const task = new TestTask()
    two(task)
    expect(task.trade(cancelRecord({ t: at(2), i: 2 }))).toBe('applied')
    expect(task.trade(cancelRecord({ t: at(2), i: 2 }))).toBe('duplicate')
    expect(task.trade(tradeRecord({ t: at('1.5'), i: 2, p: 20, s: 1 }))).toBe('duplicate')
    expect(task.trade(correctionRecord({ t: at(2), oi: 2, ci: 3 }))).toBe('duplicate')
    expect(barAt(task.closeAll(), 1)).toEqual({ o: 10, h: 10, l: 10, c: 10, v: 1, vwap: 10, count: 1, t: at(2) })
  })

  it('put a corrected trade in the place of the original', () => {
    const task = new TestTask()
    two(task)
    task.trade(tradeRecord({ t: at('1.5'), i: 4, p: 40, s: 1 }))
    expect(task.trade(correctionRecord({ t: at('2.7'), oi: 2, ci: 3, cp: 5, cs: 3 }))).toBe('applied')
    expect(task.trade(correctionRecord({ t: at('2.7'), oi: 2, ci: 3, cp: 5, cs: 3 }))).toBe('duplicate')
    expect(task.trade(tradeRecord({ t: at('1.6'), i: 3, p: 5, s: 3 }))).toBe('duplicate')
    expect(task.model.counts().conflictingDuplicates).toBe(0)
    expect(barAt(task.closeAll(), 1)).toMatchObject({ o: 10, h: 40, l: 5, c: 40, v: 5, count: 3 })
  })

  it('can be fixed again, under the same id, too', () => {
    const task = new TestTask()
    two(task)
    const correct = (oi: number, ci: number, cp: number) => task.trade(correctionRecord({ t: at(2), oi, ci, cp, cs: 1 }))
    expect([correct(2, 3, 30), correct(3, 3, 31), correct(3, 3, 31), correct(3, 3, 32), correct(2, 3, 30)]).toEqual(
      ['applied', 'applied', 'duplicate', 'applied', 'duplicate'],
    )
    expect(task.trade(cancelRecord({ t: at(2), i: 3 }))).toBe('applied')
    expect(barAt(task.closeAll(), 1)).toMatchObject({ c: 10, count: 1 })
  })

  it('are known by all that they say: one that comes again undoes nothing that came after it', () => {
    for (const [first, second] of [[[1, 1, 98], [1, 1, 97]], [[1, 2, 98], [2, 1, 97]]]) {
      const task = new TestTask()
      task.trade(tradeRecord({ t: at(1), i: 1, p: 100, s: 1 }))
      const correct = ([oi, ci, cp]: number[], t: string | number) => task.trade(correctionRecord({ t: at(t), oi, ci, cp, cs: 1 }))
      expect([correct(first, 1.1), correct(second, 1.2), correct(first, 1.1)]).toEqual(['applied', 'applied', 'duplicate'])
      // said anew, at a time of its own, it is another fix
      expect(correct(first, 1.3)).toBe('applied')
      expect(barAt(task.closeAll(), 1)).toMatchObject({ o: 98, count: 1 })
    }
  })

  it('leave a conflict with the corrected trade a conflict, and a repeat of the original none', () => {
    const task = new TestTask()
    const trade = (i: number, p: number, s: number) => task.trade(tradeRecord({ t: at(1), i, p, s }))
    trade(38, 100, 1)
    task.trade(correctionRecord({ t: at('1.1'), oi: 38, ci: 19, cp: 98, cs: 1 }))
    expect([trade(38, 100, 1), trade(19, 98, 1)]).toEqual(['duplicate', 'duplicate'])
    expect(task.model.counts().conflictingDuplicates).toBe(0)
    expect([trade(19, 200, 7), trade(38, 100, 2)]).toEqual(['duplicate', 'duplicate'])
    expect(task.model.counts().conflictingDuplicates).toBe(2)
  })

  it('come to the same whether the corrected trade came by itself before the correction or after it', () => {
    const fix = correctionRecord({ t: at('1.6'), oi: 1, ci: 3, cp: 30, cs: 1 })
    const itself = tradeRecord({ t: at('1.7'), i: 3, p: 30, s: 1 })
    const bars = [[fix, itself], [itself, fix]].map((come) => {
      const task = new TestTask()
      two(task)
      come.forEach((record) => task.trade(record))
      return barAt(task.closeAll(), 1)
    })
    expect(bars[0]).toMatchObject({ o: 30, c: 20, count: 2 })
    expect(bars[1]).toEqual(bars[0])
  })

  it('are late where they find no trade in an open window', () => {
    const task = new TestTask()
    two(task)
    expect(task.trade(cancelRecord({ t: at(2), i: 9 }))).toBe('late')
    expect(task.trade(cancelRecord({ t: at(2), i: 1, x: 'P' }))).toBe('late')
    // the fix itself moves the watermark past the trade's second
    expect(task.trade(cancelRecord({ t: at(4), i: 1 }))).toBe('late')
    expect(barAt(task.closeAll(), 1)).toMatchObject({ count: 2 })
  })
})
