/**
 * JSON as a fuzzer writes it: members as a list (so keys may repeat and stand in any order), numbers as the text they have,
 * strings written plainly or with needless escapes, white space anywhere.
 */
import type { seeded } from '../kernel/decode-kernel.ts'

export type Random = ReturnType<typeof seeded>

/** A piece of text that goes out as it is: numbers of any shape, and what is no JSON at all. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
export type Tree = null | boolean | string | Raw | Tree[] | Members
export class Members {
  readonly list: [key: string, value: Tree][]
  constructor(list: [key: string, value: Tree][]) {
    this.list = list
  }
}

/** The tree of JSON text; numbers keep their text. */
export function treeOf(text: string): Tree {
  const reviver = (_: string, value: unknown, context: { source?: string }): unknown => {
    if (typeof value === 'number') return new Raw(context.source as string)
    return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Raw)
      ? new Members(Object.entries(value) as [string, Tree][]) : value
  }
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as Tree
}

/** A copy that can be changed apart. */
export function copyOf<T extends Tree>(tree: T): T {
  if (Array.isArray(tree)) return tree.map(copyOf) as T
  return (tree instanceof Members ? new Members(tree.list.map(([key, value]) => [key, copyOf(value)])) : tree) as T
}

/** All objects of a tree, the outermost first. */
export function objectsOf(tree: Tree): Members[] {
  if (Array.isArray(tree)) return tree.flatMap(objectsOf)
  return tree instanceof Members ? [tree, ...tree.list.flatMap(([, value]) => objectsOf(value))] : []
}

/** How untidily a tree is written: chances of white space and of needless escapes, a token each. */
export interface Untidiness {
  space: number
  escape: number
}

const SPACES = [' ', '\n', '\t', '\r\n', '    ', ' \t\n\r ']
const SHORT: Readonly<Record<string, string>> = { '"': '\\"', '\\': '\\\\', '/': '\\/', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

export function write(tree: Tree, random: Random, how: Untidiness): string {
  const space = (): string => (how.space > 0 && random.real() < how.space ? random.pick(SPACES) : '')
  const text = (plain: string): string =>
    (how.escape > 0 && random.real() < how.escape ? `"${[...plain].map((character) => escaped(character, random)).join('')}"` : JSON.stringify(plain))
  const listed = (parts: string[]): string => parts.map((part) => `${space()}${part}${space()}`).join(',')
  const node = (value: Tree): string => {
    if (value instanceof Raw) return value.text
    if (typeof value === 'string') return text(value)
    if (Array.isArray(value)) return `[${listed(value.map(node))}]`
    if (value instanceof Members) return `{${listed(value.list.map(([key, item]) => `${text(key)}${space()}:${space()}${node(item)}`))}}`
    return String(value)
  }
  return `${space()}${node(tree)}${space()}`
}

function escaped(character: string, random: Random): string {
  if (character in SHORT && random.below(2) === 0) return SHORT[character]
  if (random.below(3) === 0) return JSON.stringify(character).slice(1, -1)
  const hex = (code: number): string => {
    const digits = code.toString(16).padStart(4, '0')
    return `\\u${random.below(2) === 0 ? digits.toUpperCase() : digits}`
  }
  return Array.from({ length: character.length }, (_, i) => hex(character.charCodeAt(i))).join('')
}
