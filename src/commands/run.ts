/** `ta run`: the engine. */
import { UserError } from '../contract/errors.ts'
import { EXIT_OK } from '../contract/exit-codes.ts'
import { ownBundle } from '../bundle/own-kernel.ts'
import { KernelPool } from '../dispatch/pool.ts'
import { Engine } from '../engine/engine.ts'
import { binding } from '../kafka/binding.ts'
import { openLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import { LogError } from '../ports/log.ts'
import type { Log } from '../ports/log.ts'
import { Serving } from '../serve/serving.ts'
import { readSettings, secretsOf } from '../settings/settings.ts'
import type { Settings } from '../settings/settings.ts'
import { assertTopics } from '../topics/topics.ts'
import { commandShape, withArguments, type CommandContext } from './command.ts'
import { openLog } from './open-log.ts'
import { openStore } from './open-store.ts'
import { systemClock } from './system-clock.ts'

const SHAPE = commandShape({
  name: 'run',
  summary: 'the engine: bars and signals from trades and quotes, exactly once, until SIGTERM',
  usage: '',
  options: {},
})

const CONNECT_MS = 5_000
const RETRY_MS = 1_000
/** What hasn't closed by then ends with the process. */
const CLOSE_MS = 1_500

/** Runs until SIGTERM or SIGINT; 0 then. */
export async function run(args: string[], context: CommandContext): Promise<number> {
  return await withArguments(SHAPE, args, context, async () => {
    const settings = readSettings(context.env, { command: 'run' })
    const logger = openLogger({ level: settings.logLevel, secrets: secretsOf(context.env) })
    const bundle = ownBundle(settings)
    // what takes longest begins at once and side by side: the workers, the serving thread, the broker's first answer
    const runner = new KernelPool(settings.workers)
    const serving = new Serving({
      host: settings.httpHost, port: settings.httpPort, token: settings.httpToken,
      build: { version: context.version, node: process.version, kernel: bundle.hash.slice(0, 12) },
      onFailure: (error) => logger.warn({ err: error }, 'the serving thread died and is started again'),
    })
    const listening = serving.listen().then(() => {
      logger.info({ version: context.version, bundle: bundle.hash.slice(0, 12), port: serving.port, group: settings.groupId, instance: settings.instanceId }, 'starting')
    })
    listening.catch(() => undefined) // looked at below
    if (settings.snapshotUri === '') logger.warn({}, 'TA_SNAPSHOT_URI is not set: no snapshots, so a restart runs every recorded epoch again')
    const ended = new AbortController()
    const stop = AbortSignal.any([context.stop, ended.signal])
    let log: Log | null = null
    try {
      log = await openLog(settings, logger)
      const [store, connected] = await Promise.all([openStore(settings), connect(log, settings, logger, serving, stop), listening]).catch(async (error: unknown) => {
        await listening // a port that is taken is said before what the broker lacks
        throw error
      })
      if (!connected) return EXIT_OK
      const engine = new Engine({ settings, log, store, runner, clock: systemClock, logger, serving, bundle, trimMemory: () => binding().trimMemory?.() })
      await engine.run(context.stop)
      logger.info({}, 'stopped')
      return EXIT_OK
    } finally {
      ended.abort()
      const closed = Promise.all([log?.close(), runner.close(), serving.close()]).then(() => true)
      if (!(await Promise.race([closed, systemClock.sleep(CLOSE_MS).then(() => false)])) && context.stop.aborted) endNow()
    }
  })
}

/**
 * Ends the process with exit code 0, now. process.exit would wait for every thread of libuv's pool, and one that asks a broker that hangs
 * holds it for up to 10 s: longer than who has sent SIGTERM waits.
 */
function endNow(): void {
  process.execve?.('/bin/sh', ['/bin/sh', '-c', 'exit 0'], {})
}

/** Tries until the broker answers and the topics are right. False when stopped before. Throws UserError when they can't be. */
async function connect(log: Log, settings: Settings, logger: Logger, serving: Serving, stop: AbortSignal): Promise<boolean> {
  const stopped = new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }))
  while (!stop.aborted) {
    serving.turn()
    try {
      await Promise.race([log.connect(CONNECT_MS), stopped])
      if (stop.aborted) break
      for (const { sentence } of await assertTopics(log, settings)) logger.warn({}, sentence)
      return true
    } catch (error) {
      if (error instanceof UserError || !(error instanceof LogError)) throw error
      serving.setReady(false, error.message)
      logger.warn({}, `${error.message}; trying again`)
      await Promise.race([systemClock.sleep(RETRY_MS), stopped])
    }
  }
  return false
}
