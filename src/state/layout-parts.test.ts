import { describe, expect, it } from 'vitest'
import { readBundle } from '../bundle/bundle.ts'
import { bundleOf, kernelModule } from '../../test/kernel/kernel-under-test.ts'
import { Kernel } from './kernel.ts'
import { OWN_PARTS, layoutHash, strangePart } from './layout-parts.ts'
import * as layout from './layout.ts'
import { TaskMemory } from './task-memory.ts'

const without = (name: string): Record<string, string | number> => Object.fromEntries(Object.entries(OWN_PARTS).filter(([part]) => part !== name))

describe('the layout of a kernel', () => {
  it('names all that kernel and host share: cells, tables, columns with their types, the batch', () => {
    const kinds = Map.groupBy(Object.keys(OWN_PARTS).filter((name) => name.includes(' ')), (name) => name.split(' ')[0])
    expect([...kinds].map(([kind, names]) => [kind, names.length])).toEqual([
      ['cell', layout.WORK_CELLS.length + layout.STATE_CELLS.length], ['setting', layout.CONFIG_CELLS.length], ['input', layout.INPUT_COLUMNS.length],
      ['decoded', layout.DECODED_COLUMNS.length], ['table', layout.TABLES.length], ['column', layout.STATE_COLUMNS.length],
    ])
    expect(OWN_PARTS['column indicator.ema12']).toMatch(/^\d+ f64 1$/)
    expect([OWN_PARTS.version, OWN_PARTS.stateBase]).toEqual([layout.LAYOUT_VERSION, layout.STATE_BASE])
  })

  it('is in its bundle', () => {
    expect(readBundle(bundleOf().bytes).layout).toEqual(OWN_PARTS)
  })

  it('fits where there is more: what was added since is not known to it', () => {
    expect(strangePart(OWN_PARTS)).toBeNull()
    for (const name of ['column indicator.rsiUp', 'cell conflicts', 'table minute']) expect(strangePart(without(name))).toBeNull()
    expect(strangePart({ ...OWN_PARTS, stateBase: layout.STATE_BASE - 65_536 })).toBeNull()
  })

  it('fits nowhere where anything of it has moved, become another or gone', () => {
    expect(strangePart({ ...OWN_PARTS, stateBase: layout.STATE_BASE + 65_536 })).toMatch(/^stateBase, /)
    expect(strangePart({ ...OWN_PARTS, 'column indicator.atr': '1 f64 1' })).toBe('column indicator.atr, which there is no more')
    const wider = { ...OWN_PARTS, 'column trade.key': String(OWN_PARTS['column trade.key']).replace(/ \d+$/, ' 16') }
    expect(strangePart(wider)).toBe(`column trade.key, ${wider['column trade.key']} there and ${OWN_PARTS['column trade.key']} here`)
    for (const name of Object.keys(OWN_PARTS).filter((part) => part !== 'stateBase')) expect(strangePart({ ...OWN_PARTS, [name]: 1 - layout.LAYOUT_VERSION })).toContain(`${name}, `)
  })

  it('has a hash of its own, which the kernel has compiled in and the config image carries', () => {
    expect(layoutHash({ ...OWN_PARTS, version: layout.LAYOUT_VERSION + 1 })).not.toBe(layoutHash())
    expect(layoutHash(without('cell conflicts'))).not.toBe(layoutHash())
    const image = Uint8Array.from(bundleOf().image)
    expect(() => new Kernel(kernelModule, TaskMemory.create(image))).not.toThrow()
    image[layout.configCell('layoutHash') - layout.CONFIG_BASE] ^= 1
    expect(() => new Kernel(kernelModule, TaskMemory.create(image))).toThrow(/the kernel is of layout \d+, its memory is set for one of layout \d+/)
  })
})
