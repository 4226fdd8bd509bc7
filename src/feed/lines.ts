import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import type { Readable } from 'node:stream'
import { UserError } from '../contract/errors.ts'
import { EXIT_USAGE } from '../contract/exit-codes.ts'

/** A longer line is no envelope (records end at 1 MiB); without a bound a file with no line ends would fill the memory. */
export const LINE_BYTES_MAX = 64 * 1024 * 1024

/** Lines that came with one read, in order, without their line feed. `firstNumber` is the number of the first one, from 1. */
export interface Lines {
  firstNumber: number
  lines: Buffer[]
}

/**
 * Lines of a file, of a gzip file (`.gz`), or of standard input (`-`). Bytes are untouched but for the line feed.
 * Throws UserError (64) naming the file when it can't be read.
 */
export async function* readLines(path: string, stdin: Readable = process.stdin): AsyncGenerator<Lines> {
  let rest: Buffer[] = []
  let restBytes = 0
  let firstNumber = 1
  try {
    for await (const chunk of openBytes(path, stdin)) {
      const { lines, tail } = splitLines(chunk as Buffer, rest)
      if (lines.length > 0) {
        rest = []
        restBytes = 0
        yield { firstNumber, lines }
        firstNumber += lines.length
      }
      if (tail.length > 0) {
        rest.push(tail)
        restBytes += tail.length
      }
      if (restBytes > LINE_BYTES_MAX) throw tooLong(path, firstNumber)
    }
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(EXIT_USAGE, `${nameOf(path)} can't be read: ${reasonOf(error)}.`, { cause: error })
  }
  if (restBytes > 0) yield { firstNumber, lines: [Buffer.concat(rest)] }
}

/** What a person calls the source. */
export function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path
}

function openBytes(path: string, stdin: Readable): AsyncIterable<unknown> {
  if (path === '-') return stdin
  const file = createReadStream(path, { highWaterMark: 256 * 1024 })
  if (!path.endsWith('.gz')) return file
  const unpacked = createGunzip()
  file.on('error', (error) => unpacked.destroy(error))
  unpacked.on('close', () => file.destroy())
  return file.pipe(unpacked)
}

function splitLines(chunk: Buffer, rest: Buffer[]): { lines: Buffer[]; tail: Buffer } {
  const lines: Buffer[] = []
  let from = 0
  for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
    const line = chunk.subarray(from, end)
    lines.push(from === 0 && rest.length > 0 ? Buffer.concat([...rest, line]) : line)
    from = end + 1
  }
  return { lines, tail: chunk.subarray(from) }
}

function tooLong(path: string, line: number): UserError {
  return new UserError(
    EXIT_USAGE,
    `${nameOf(path)} line ${line} is longer than ${LINE_BYTES_MAX} bytes; envelopes stand one a line.`,
  )
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'no right to read it'
  if (code === 'EISDIR') return 'it is a folder'
  return error instanceof Error ? error.message : String(error)
}
