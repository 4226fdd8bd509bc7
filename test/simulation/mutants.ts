/** Deliberate mistakes, as exact changes of the sources' text: each has to be caught by some schedule. */
export interface Change {
  /** Source file, from src/ on. */
  file: string
  text: string
  other: string
}

export interface Mutant {
  name: string
  changes: readonly Change[]
}

const into = (file: string) => (text: string, other: string): Change => ({ file, text, other })
const owner = into('engine/task-owner.ts')
const engine = into('engine/engine.ts')
const trimmer = into('engine/epoch-trimmer.ts')
const live = into('epoch/live-task.ts')
const state = into('epoch/task-state.ts')
const commit = into('epoch/commit.ts')
const keeper = into('epoch/snapshot-keeper.ts')
const record = into('epoch/epoch-record.ts')
const recover = into('recovery/recover.ts')
const snapshots = into('recovery/snapshots.ts')
const retention = into('recovery/snapshot-retention.ts')
const tables = into('state/arrow-tables.ts')

const mutant = (name: string, ...changes: Change[]): Mutant => ({ name, changes })

const READ_LOG = 'await readEpochLog(job.log, job.epochsTopic, this.partition, job)'
const FENCE = 'await Promise.race([producer.init(), this.#stopped()])'
const LOOK = 'if (await this.#isCommitted(record, searchFrom)) {\n        this'
const START = 'await feed.start(readable(stretch, job.inputs))'
const ON_TOPIC = "if (epochLog.raw.get(epoch)?.equals(Buffer.from(manifest.record, 'base64')) !== true) return"
const NOTE_STEP = 'if (error instanceof StepFailed) error.step = { channel, from: queue.firstOffset, to, rows }\n      '
const COPY = 'for (const { spec, bytes: stored } of copy.columns) {'
const seqNotRestored = tables(COPY, `${COPY}\n      if (spec.name === 'seqBars') continue`)

export const MUTANTS: readonly Mutant[] = [
  mutant("the epoch log's end is read before InitProducerId has returned",
    owner(FENCE, `Object.assign(this, { early: ${READ_LOG} })\n      ${FENCE}`),
    owner(`const epochLog = ${READ_LOG}`, 'const epochLog = (this as any).early')),
  mutant('n + 1 is sent before n is known',
    live('if (decision.end && this.#committing === null)', 'if (decision.end)'),
    live('invariant(this.#committing === null, 2,', 'invariant(true, 2,')),
  mutant('other bytes after an abort',
    commit('      await this.#renew()\n', '      await this.#renew()\n      outputs = outputs.slice(-1)\n')),
  mutant('outputs and record of an epoch are two transactions',
    commit('await this.#producer.transact(outputs, onProduced)',
      'await this.#producer.transact(outputs.slice(0, -1))\n        await this.#producer.transact(outputs.slice(-1), onProduced)')),
  mutant('a commit of unknown outcome is taken as done', commit(LOOK, 'if (true as boolean) {\n        this')),
  mutant('an epoch is sent again without a look at the log', commit(LOOK, 'if (false as boolean) {\n        this')),
  mutant('seq is not restored', seqNotRestored),
  mutant('digest and counts of a replay are not checked (and seq is not restored)', seqNotRestored,
    recover('const difference = differenceOf(record, again)', 'const difference = null as ReturnType<typeof differenceOf>; void again')),
  mutant("the status record's seq is not restored", live('this.#statusSeq = options.state.last.statusSeq', 'this.#statusSeq = 0')),
  mutant('a snapshot of an epoch that is not committed is stored, and taken as good',
    keeper('      await released\n', '      await released\n      this.committed(record)\n'), recover(ON_TOPIC, 'if (false as boolean) return')),
  mutant('the copy for a snapshot is made while the next step runs',
    live('await copied // nothing', 'void copied // nothing')),
  mutant("a store that is down ends the task's process",
    keeper('    } catch (error) {\n      this.problem', '    } catch (error) {\n      throw error\n      this.problem')),
  mutant('checksums of snapshot files are not compared',
    snapshots('if (sha256(bytes) !== table.sha256)', 'if (false as boolean)')),
  mutant('the epoch topic is trimmed up to the snapshot, its own record included',
    trimmer('note.epoch < needed', 'note.epoch <= needed')),
  mutant("an earlier life's snapshots are counted among those that are kept",
    retention('.filter((epoch) => epoch <= record.epoch && judged.get(epoch) === true)', ''),
    trimmer('const needed = kept.at(-1) ?? 0', 'const needed = Math.min(state.last.epoch, kept.at(-1) ?? 0)')),
  mutant("a task goes on from the group's offsets",
    recover(START, 'void readable; await feed.start(await job.log.committed(job.group, job.inputs.map((topic) => ({ topic, partition }))))')),
  mutant('inputs are read from the last epoch on, not from the snapshot on', recover(START, 'void readable; await feed.start((after.at(-1) ?? basis.record).consumed.map(({ to }) => to))')),
  mutant('inputs that retention has deleted are not asked about',
    recover('    await assertRetained(job, partition, stretch)\n', '    void assertRetained\n')),
  mutant('the idle bits are not on the record', record('out.u8(record.idle)', 'out.u8(0)')),
  mutant("the steps' clock is not on the record", record('out.f64(step.clockMs)', 'out.f64(0)')),
  mutant('the clock goes back',
    live('Math.max(Math.floor(this.#clock.nowMs()), this.state.last.clockCloseMs, ', 'Math.max(Math.floor(this.#clock.nowMs()), ')),
  mutant('a new bundle is not put on the epoch topic, nor beside the snapshots',
    live('this.#bundleWritten ? null : this.state.bundle', 'null'),
    snapshots('  await keepBundle(store, job.group, bundle)\n', '  void keepBundle\n')),
  mutant('a recorded epoch is run by the present bundle',
    recover('if (record.bundle !== get().bundle.hash) {', 'if (false as boolean) {')),
  mutant('a revoked task goes on', engine('await this.#stopAll(revoked)', 'await Promise.resolve()')),
  mutant('time in which the process stood still makes partitions idle',
    live('const STANDSTILL_MS = 1_500', 'const STANDSTILL_MS = 1e9')),
  mutant("a partition's end that was told before the task was live is forgotten",
    live('    IDLE_BITS.forEach((_, channel) => this.#noteEndIfThere(channel))\n', '')),
  mutant('a record that is skipped is counted nowhere',
    state("for (const cell of [`counts.${name}.rejected`, `inputCount.${name}`] as const)", 'for (const cell of [`inputCount.${name}`] as const)')),
  mutant('skipped records are not on the record', state('signalsDigest: outputs.signalsDigest,\n      skip,', 'signalsDigest: outputs.signalsDigest,\n      skip: [],')),
  mutant('a step that did not end is taken as done',
    state(`${NOTE_STEP}throw error`, `${NOTE_STEP}return { decodeMs: 0, kernelMs: 0 }`)),
]
