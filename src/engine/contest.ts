/**
 * Two jobs with the same transactional ids fence each other without end. Which of them ends is settled by what both can see, the
 * transactions that begin under an id: a process that is fenced again and again lets go of all of its ids first, and then looks whether
 * somebody goes on under one. Whoever sees that ends. Of two processes one at most can: the other would have had to begin a transaction after
 * this one let go, so it let go later, or not at all, and since then nothing was begun that it could see.
 *
 * In:  the log, an id that nothing here writes under any more. Out: who else does. Imports: ports.
 */
import type { Clock } from '../ports/clock.ts'
import { LogError } from '../ports/log.ts'
import type { Log } from '../ports/log.ts'

/** A live task commits every half second at the latest. */
const LOOK_MS = 250

/**
 * `somebody` as soon as a transaction begins under the id, `nobody` when none has for `patienceMs` (or `stop` was aborted), `unknown` when the
 * broker did not say. An InitProducerId alone does not count: it may be of a process that has let go meanwhile, as may be an abort.
 */
export async function otherUser(
  log: Log, clock: Clock, transactionalId: string, patienceMs: number, stop: AbortSignal,
): Promise<'somebody' | 'nobody' | 'unknown'> {
  const untilMs = clock.monotonicMs() + patienceMs
  let first: number | null | undefined
  let answers = 0
  while (!stop.aborted && clock.monotonicMs() < untilMs) {
    try {
      const beganMs = await log.transactionBegan(transactionalId)
      answers++
      if (first === undefined) first = beganMs
      else if (beganMs !== null && beganMs !== first) return 'somebody'
    } catch (error) {
      if (!(error instanceof LogError)) throw error // what is outside may be away for a moment
    }
    await clock.sleep(LOOK_MS, stop)
  }
  return answers > 1 || stop.aborted ? 'nobody' : 'unknown'
}
