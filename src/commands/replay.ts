/** `ta replay`: the kernels over files. */
import { createWriteStream, mkdirSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import type { WriteStream } from 'node:fs'
import { ownBundle } from '../bundle/own-kernel.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_OK, EXIT_USAGE } from '../contract/exit-codes.ts'
import { replayFiles } from '../replay/replay.ts'
import type { ReplaySink } from '../replay/replay.ts'
import { readSettings } from '../settings/settings.ts'
import type { Settings } from '../settings/settings.ts'
import type { Outputs } from '../state/kernel.ts'
import { commandShape, withArguments, type CommandContext } from './command.ts'

const SHAPE = commandShape({
  name: 'replay',
  summary: 'the engine over envelope files, without a broker: final records only, one file a topic',
  usage: 'IN.jsonl… --out DIR [--partitions N]',
  options: {
    out: { type: 'string', value: 'DIR', text: 'folder for the outputs, one .jsonl file a topic', required: true },
    partitions: { type: 'integer', value: 'N', text: 'partitions to deal the symbols to, as Kafka does (1)', min: 1, max: 1024 },
  },
  positionals: { name: 'IN.jsonl', min: 1, max: Number.MAX_SAFE_INTEGER },
})

/** Replays files; prints a JSON summary. */
export async function replay(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async ({ options, positionals }) => {
    const settings = readSettings(context.env, { command: 'replay' })
    const sink = new FileSink(options.out, settings)
    const startedMs = performance.now()
    const summary = await replayFiles(positionals, options.partitions ?? 1, ownBundle(settings), sink)
    await sink.close()
    context.print(`${JSON.stringify({ ...summary, seconds: Number(((performance.now() - startedMs) / 1000).toFixed(3)) })}\n`)
    return EXIT_OK
  })
}

/** One file a topic; late and rejected records byte for byte. */
class FileSink implements ReplaySink {
  readonly #folder: string
  readonly #settings: Settings
  readonly #files = new Map<string, WriteStream>()

  constructor(folder: string, settings: Settings) {
    this.#folder = folder
    this.#settings = settings
    try {
      mkdirSync(folder, { recursive: true })
    } catch (cause) {
      throw new UserError(EXIT_USAGE, `The folder ${folder} can't be made: ${(cause as Error).message}.`, { cause })
    }
    for (const topic of [settings.microbarsTopic, settings.signalsTopic]) this.#file(topic)
  }

  #file(topic: string): WriteStream {
    let file = this.#files.get(topic)
    if (file === undefined) {
      file = createWriteStream(join(this.#folder, `${topic}.jsonl`))
      this.#files.set(topic, file)
    }
    return file
  }

  async #write(topic: string, parts: Uint8Array[]): Promise<void> {
    const file = this.#file(topic)
    if (!file.write(Buffer.concat(parts))) await once(file, 'drain')
  }

  async outputs(_partition: number, outputs: Outputs): Promise<void> {
    const lines = (from: number, to: number): Uint8Array[] => {
      const parts: Uint8Array[] = []
      for (let i = from; i < to; i++) parts.push(outputs.values.subarray(i === 0 ? 0 : outputs.valueEnds[i - 1], outputs.valueEnds[i]), NEWLINE)
      return parts
    }
    await this.#write(this.#settings.microbarsTopic, lines(0, outputs.bars))
    await this.#write(this.#settings.signalsTopic, lines(outputs.bars, outputs.bars + outputs.signals))
  }

  async special(kind: 'late' | 'rejected', _reason: string, _channel: string, value: Uint8Array): Promise<void> {
    const topic = kind === 'late' ? this.#settings.lateTopic : this.#settings.dlqTopic
    if (topic !== '') await this.#write(topic, [value, NEWLINE])
  }

  async close(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => new Promise<void>((resolve, reject) => {
      file.on('error', reject)
      file.end(resolve)
    })))
  }
}

const NEWLINE = Buffer.from('\n')
