/**
 * The command `ta`: picks a command by its name, says what went wrong in one sentence, and ends with its exit code.
 * Commands are loaded when they are asked for, so that `ta config` needs neither broker library nor kernel.
 */
import { existsSync, readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import type { CommandContext } from './commands/command.ts'
import { BugError, UserError } from './contract/errors.ts'
import { EXIT_BUG, EXIT_OK, EXIT_OUTSIDE, EXIT_SETTINGS, EXIT_USAGE } from './contract/exit-codes.ts'
import { openLogger } from './logging/logger.ts'
import { LogError } from './ports/log.ts'
import { StoreError } from './ports/snapshot-store.ts'
import { nearestName } from './settings/nearest-name.ts'
import { secretsOf } from './settings/settings.ts'

/** Commands and what they do; those whose file is not there are not listed. */
const COMMANDS: Readonly<Record<string, string>> = {
  run: 'the engine',
  demo: 'a local broker, a feed, the engine and the console; no setting needed',
  topics: 'checks the topics, or creates those that are missing',
  replay: 'the same kernels over files, without a broker',
  feed: 'puts envelope files into the input topics',
  verify: 'reads the outputs and checks seq, windows and finals',
  snapshot: 'lists, shows or checks snapshots',
  dlq: 'lists rejected records, or sends chosen ones back',
  config: 'the settings in effect and where each comes from',
  reset: 'starts a job anew at another place',
  doctor: 'checks settings, broker, topics, rights, retention, store and clock',
}

const EXIT_INTERRUPTED = 130

type Command = (args: string[], context: CommandContext) => Promise<number>

function fileOf(name: string): URL {
  return new URL(`./commands/${name}.ts`, import.meta.url)
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version
}

function helpText(): string {
  const names = Object.keys(COMMANDS).filter((name) => existsSync(fileOf(name)))
  return [
    'ta: one-second bars and indicators from trades and quotes, exactly once through Kafka', '',
    'usage: ta COMMAND [OPTION…]', '',
    ...names.map((name) => `  ${name.padEnd(10)}${COMMANDS[name]}`), '',
    'ta COMMAND --help says more about a command. Settings come from the environment: docs/settings.md.', '',
  ].join('\n')
}

/** Runs what the arguments ask for and gives its exit code. */
async function runCommand([name, ...args]: string[], context: CommandContext): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    context.print(helpText())
    return name === undefined ? EXIT_USAGE : EXIT_OK
  }
  if (name === '--version' || name === '-v') {
    context.print(`${context.version}\n`)
    return EXIT_OK
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const what = name.startsWith('-') ? 'option' : 'command'
    const meant = nearestName(name, Object.keys(COMMANDS))
    const hint = 'see: ta --help'
    throw new UserError(EXIT_USAGE, `ta has no ${what} "${name}"${meant ? `, did you mean ${meant}?` : ''}`, { hint })
  }
  if (!existsSync(fileOf(name))) throw new UserError(EXIT_USAGE, `ta ${name} is not available in this version`)
  const module = await import(fileOf(name).href) as Record<string, Command>
  return await module[name](args, context)
}

/** Exit code of an error, by its kind. */
function exitCodeOf(error: unknown): number {
  if (error instanceof UserError || error instanceof BugError) return error.exitCode
  if (error instanceof LogError) return ['auth', 'authorization', 'missing', 'out_of_range'].includes(error.kind)
    ? EXIT_SETTINGS : EXIT_OUTSIDE
  if (error instanceof StoreError) return error.isRefusal ? EXIT_SETTINGS : EXIT_OUTSIDE
  return EXIT_BUG
}

/** A sentence on stderr: plain for a person, a JSON line otherwise. A bug comes with its stack, everything else without. */
function report(error: unknown): number {
  const exitCode = exitCodeOf(error)
  const sentence = error instanceof Error ? error.message : inspect(error)
  const hint = error instanceof UserError ? error.hint : undefined
  const bug = exitCode === EXIT_BUG && !(error instanceof UserError)
  const text = bug ? `an internal check failed: ${sentence}` : sentence
  const logger = openLogger({ level: 'error', secrets: secretsOf(process.env) })
  const fields = { ...(bug ? { err: error } : {}), ...(hint ? { hint } : {}), exitCode }
  logger.fatal(fields, text)
  return exitCode
}

function openContext(): CommandContext {
  let stop: AbortController | undefined
  return {
    env: process.env,
    version: version(),
    print: (text) => void process.stdout.write(text),
    get stop() {
      if (stop) return stop.signal
      const controller = stop = new AbortController()
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.on(signal, () => {
          // The second Ctrl-C is a person who does not want to wait; orchestrators send SIGTERM more than once.
          if (controller.signal.aborted && signal === 'SIGINT') process.exit(EXIT_INTERRUPTED)
          controller.abort()
        })
      }
      return controller.signal
    },
  }
}

/** Waits until everything printed is out: a pipe takes 64 KiB at a time, and process.exit would lose the rest. */
async function flush(): Promise<void> {
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
}

// Who reads may have had enough (`ta config | head`): that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? EXIT_OK : EXIT_OUTSIDE))
for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event,
  (error) => process.exit(report(error)))

const exitCode = await runCommand(process.argv.slice(2), openContext()).catch(report)
await flush()
process.exit(exitCode)
