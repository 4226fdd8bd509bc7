/**
 * A real Apache Kafka (KRaft, one node) as a child process, for `ta demo` and the tests. In: Java and the jars that
 * bin/setup.mjs fetched. Out: a broker on free ports of this host that ends with this process, whatever ends it.
 */
import { createHash, randomBytes } from 'node:crypto'
import {
  copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { brokerJars, javaCommand } from '../../bin/setup/broker-jars.mjs'
import { UserError } from '../contract/errors.ts'
import { EXIT_OUTSIDE, EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { type BrokerPorts, LOCAL_HOST, LOG4J_PROPERTIES, metaProperties, serverProperties } from './broker-files.ts'
import { type WatchedProcess, endProcess, freePort, isFree, outputOf, startWatched, untilAnswers } from './broker-process.ts'

export interface LocalBrokerOptions {
  /** Folder for logs and settings, kept, and used again with what is in it. Without one: a temporary one, removed at `stop`. */
  dataDir?: string
  /** Fixed ports; those that are not named are free ones. */
  ports?: { broker?: number; controller?: number; sasl?: number }
  /** More broker properties, or others than the defaults. */
  properties?: Record<string, string>
  /** Names and passwords: adds a SASL_PLAINTEXT listener with SCRAM-SHA-512. */
  scramUsers?: Record<string, string>
  heapMb?: number
  /** The JVM's flags in place of those for a quick start: what is measured wants the compiler and collector of production. */
  jvmFlags?: string[]
  /** Keep the loaded classes for later starts (1.1 s in place of 1.7); makes the first start and its `stop` slower. */
  keepClasses?: boolean
  /** How long a start may take, 90,000 ms: a machine that builds at the same time is slow. */
  startTimeoutMs?: number
}

export interface LocalBroker {
  /** `host:port` without security. */
  readonly bootstrap: string
  /** `host:port` of the SASL_PLAINTEXT listener, where there are `scramUsers`. */
  readonly saslBootstrap: string | undefined
  /** Of the Java process that runs now. */
  readonly pid: number
  readonly logFile: string
  readonly dataDir: string
  /** Ends it in order and removes the temporary folder. */
  stop(): Promise<void>
  /** kill -9, and waits for the end; the data stays for `restart`. */
  kill(): Promise<void>
  /** Ends it in order if it runs, then starts it on the same ports and data. Resolves when it answers. */
  restart(): Promise<void>
}

const PORT_CLASH = /BindException|Address already in use/
const CLASHES_MAX = 3
const LOG_TAIL_LINES = 12
/** What StorageTool, which splits at commas first, can't read in a name or password. */
const SCRAM_UNFIT = /^$|[,[\]="\\]/
const FAST_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-XX:-UsePerfData', '-Xshare:auto']

const base64Id = () => {
  // Kafka's own ids must not begin with a dash: the command line would take one for an option
  for (;;) {
    const id = randomBytes(16).toString('base64url')
    if (!id.startsWith('-')) return id
  }
}

/** All that stays the same over restarts. */
interface Installation {
  folder: string
  /** The folder when it is ours to remove, else ''. */
  temporary: string
  jars: string
  options: LocalBrokerOptions
  ports: BrokerPorts
}

const logFileOf = (at: Installation) => join(at.folder, 'broker.log')
const propertiesOf = (at: Installation) => join(at.folder, 'server.properties')
const dataOf = (at: Installation) => join(at.folder, 'data')
const classPath = (at: Installation) => join(at.jars, 'libs', '*')

function logTail(at: Installation): string {
  const lines = existsSync(logFileOf(at)) ? readFileSync(logFileOf(at), 'utf8').trimEnd().split('\n') : []
  return lines.filter((line) => !line.startsWith('\tat ')).slice(-LOG_TAIL_LINES).join('\n')
}

/** Starts a broker and resolves when it answers. Rejects with a UserError that has the log's tail. */
export async function startLocalBroker(options: LocalBrokerOptions = {}): Promise<LocalBroker> {
  const temporary = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), 'torghut-ta-broker-')) : ''
  const folder = temporary || resolve(options.dataDir!)
  mkdirSync(folder, { recursive: true })
  try {
    const jars = await brokerJars()
    const at: Installation = { folder, temporary, jars, options, ports: await choosePorts(options) }
    return handleOf(at, await startOnFreePorts(at))
  } catch (error) {
    if (temporary) rmSync(temporary, { recursive: true, force: true })
    throw error
  }
}

async function choosePorts({ ports = {}, scramUsers }: LocalBrokerOptions): Promise<BrokerPorts> {
  for (const port of Object.values(ports)) {
    if (port !== undefined && !(await isFree(port))) {
      throw new UserError(EXIT_SETTINGS,
        `The local broker can't have port ${port}: something else listens on it. Name another or none.`)
    }
  }
  const taken = Object.values(ports)
  const next = async (fixed: number | undefined) => {
    const port = fixed ?? await freePort(taken)
    taken.push(port)
    return port
  }
  const [broker, controller] = [await next(ports.broker), await next(ports.controller)]
  return { broker, controller, sasl: scramUsers || ports.sasl !== undefined ? await next(ports.sasl) : undefined }
}

/** A port that was free a moment ago may be taken by now: other ones, then. */
async function startOnFreePorts(at: Installation): Promise<WatchedProcess> {
  for (let clashes = 0; ; clashes++) {
    writeFileSync(join(at.folder, 'log4j2.properties'), LOG4J_PROPERTIES)
    writeFileSync(propertiesOf(at), serverProperties(dataOf(at), at.ports, at.options.properties ?? {}))
    if (!existsSync(join(dataOf(at), 'meta.properties'))) await format(at)
    const outcome = await launch(at)
    if (outcome !== 'clash') return outcome
    if (clashes === CLASHES_MAX) throw startFailure(at, `its ports were taken ${clashes + 1} times in a row`)
    at.ports = await choosePorts(at.options)
    rmSync(logFileOf(at), { force: true })
  }
}

const startFailure = (at: Installation, why: string) =>
  new UserError(EXIT_OUTSIDE, `The local Kafka broker did not start: ${why}. The end of its log:\n${logTail(at)}`)

async function launch(at: Installation): Promise<WatchedProcess | 'clash'> {
  const { heapMb = 512, jvmFlags = FAST_START, keepClasses = false, startTimeoutMs = 90_000 } = at.options
  const archive = classArchive(at)
  const classes = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`]
    : keepClasses ? [`-XX:ArchiveClassesAtExit=${newArchive(archive)}`] : []
  const args = [
    `-Xmx${heapMb}m`, ...jvmFlags, ...classes, `-Dlog4j2.configurationFile=${join(at.folder, 'log4j2.properties')}`,
    '-cp', classPath(at), 'kafka.Kafka', propertiesOf(at),
  ]
  let watched: WatchedProcess
  try {
    watched = await startWatched(javaCommand(), args, logFileOf(at), at.temporary)
  } catch (cause) {
    throw noJava(cause as Error)
  }
  try {
    if (await untilAnswers(at.ports.broker, watched.ended, startTimeoutMs)) return watched
  } catch (cause) {
    await endProcess(watched, 'SIGKILL')
    throw startFailure(at, (cause as Error).message)
  }
  if (PORT_CLASH.test(logTail(at))) return 'clash'
  throw startFailure(at, 'it ended at once')
}

const noJava = (cause: Error) => new UserError(EXIT_OUTSIDE,
  `The local Kafka broker needs Java 17 or newer, which does not start here (${cause.message}): install it, e.g. by the `
  + 'package openjdk-17-jre-headless or openjdk@17, or set TA_KAFKA_BOOTSTRAP to a broker you have.', { cause })

/** Archive of loaded classes for this Java; the JVM checks it and goes on without it where it does not fit. */
function classArchive(at: Installation): string {
  const command = javaCommand()
  const places = command === 'java' ? (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'java')) : [command]
  const java = places.find((path) => existsSync(path))
  if (java === undefined) return join(at.jars, 'none.jsa')
  const { size, mtimeMs } = statSync(java)
  const key = createHash('sha256').update(`${realpathSync(java)} ${size} ${mtimeMs}`).digest('hex').slice(0, 12)
  return join(at.jars, `classes-${key}.jsa`)
}

const newArchive = (archive: string) => `${archive}.${process.pid}`

/**
 * Formats the log folder as Kafka's own tool does. The tool takes a JVM's start, so what it writes is kept: the features'
 * levels, which are the same for all, are copied, and the identity is made here. With users it has to run.
 */
async function format(at: Installation): Promise<void> {
  const { scramUsers } = at.options
  const template = join(at.jars, 'bootstrap.checkpoint')
  if (scramUsers === undefined && existsSync(template)) {
    mkdirSync(dataOf(at), { recursive: true })
    copyFileSync(template, join(dataOf(at), 'bootstrap.checkpoint'))
    writeFileSync(join(dataOf(at), 'meta.properties'), metaProperties(base64Id(), base64Id()))
    return
  }
  await formatByTool(at, scramUsers ?? {})
  if (scramUsers === undefined) {
    copyFileSync(join(dataOf(at), 'bootstrap.checkpoint'), `${template}.${process.pid}`)
    renameSync(`${template}.${process.pid}`, template)
  }
}

async function formatByTool(at: Installation, scramUsers: Record<string, string>): Promise<void> {
  if (Object.entries(scramUsers).flat().some((text) => SCRAM_UNFIT.test(text))) {
    throw new UserError(EXIT_SETTINGS, 'A name or password for the local broker is empty or holds one of , [ ] = " \\, '
      + "which Kafka's storage tool can't take: use others.")
  }
  const users = Object.entries(scramUsers).flatMap(([name, password]) =>
    ['-S', `SCRAM-SHA-512=[name=${name},password=${password}]`])
  const format = ['-cp', classPath(at), 'kafka.tools.StorageTool', 'format', '-t', base64Id(), '-c', propertiesOf(at)]
  try {
    await outputOf(javaCommand(), [...FAST_START, ...format, ...users])
  } catch (cause) {
    if ((cause as { code?: unknown }).code === 'ENOENT') throw noJava(cause as Error)
    // not the tool's own words where there are users: they can hold a password, or a part of one
    const why = users.length > 0 ? 'with the users that it was given' : (cause as Error).message
    throw new UserError(EXIT_OUTSIDE, `Kafka's storage tool could not format ${dataOf(at)}: ${why}`)
  }
}

function handleOf(at: Installation, first: WatchedProcess): LocalBroker {
  let running = first
  const archive = classArchive(at)
  const keepNewArchive = () => {
    if (existsSync(newArchive(archive))) renameSync(newArchive(archive), archive)
  }
  return {
    bootstrap: `${LOCAL_HOST}:${at.ports.broker}`,
    saslBootstrap: at.ports.sasl === undefined ? undefined : `${LOCAL_HOST}:${at.ports.sasl}`,
    get pid() { return running.pid },
    logFile: logFileOf(at),
    dataDir: at.folder,
    async stop() {
      await endProcess(running, 'SIGTERM')
      keepNewArchive()
      if (at.temporary) rmSync(at.temporary, { recursive: true, force: true })
    },
    kill: () => endProcess(running, 'SIGKILL'),
    async restart() {
      await endProcess(running, 'SIGTERM')
      keepNewArchive()
      const outcome = await launch(at)
      if (outcome === 'clash') throw startFailure(at, 'something else took its port while it was down')
      running = outcome
    },
  }
}
