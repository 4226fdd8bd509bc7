import type { WriteStream } from 'node:tty'

/** Where the table is drawn: a terminal, or anything that takes text. */
export interface Output {
  isTTY?: boolean
  columns?: number
  rows?: number
  write(text: string): unknown
}

const FRAME_MS = 200
const LINE_MS = 5_000

/** Alternate screen, no cursor; and back. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[2J'
const LEAVE = '\x1b[?25h\x1b[?1049l'
/** The terminal shows what is between these two at once (those that don't know them ignore them). */
const FRAME_BEGIN = '\x1b[?2026h\x1b[H'
const FRAME_END = '\x1b[J\x1b[?2026l'

export interface Drawing {
  /** The table for so many columns and rows. */
  frame(columns: number, rows: number, colours: boolean): string
  /** One line, for where there is no terminal. */
  line(): string
}

/** Draws again and again: in place on a terminal, a line now and then elsewhere. Returns what ends it in order. */
export function showLive(output: Output, drawing: Drawing, env: Readonly<Record<string, string | undefined>>): () => void {
  const isTerminal = output.isTTY === true && env.TERM !== 'dumb'
  if (!isTerminal) {
    const timer = setInterval(() => output.write(`${drawing.line()}\n`), LINE_MS)
    return () => clearInterval(timer)
  }
  const colours = (env.NO_COLOR ?? '') === ''
  const draw = () => output.write(frameText(drawing.frame(output.columns ?? 80, output.rows ?? 24, colours)))
  output.write(ENTER)
  draw()
  const timer = setInterval(draw, FRAME_MS)
  ;(output as Partial<WriteStream>).on?.('resize', draw)
  return () => {
    clearInterval(timer)
    ;(output as Partial<WriteStream>).off?.('resize', draw)
    output.write(LEAVE)
  }
}

/** A frame over the one before: each line's rest is cleared, not the screen, so nothing flickers. */
function frameText(frame: string): string {
  return FRAME_BEGIN + frame.split('\n').join('\x1b[K\r\n') + '\x1b[K' + FRAME_END
}
