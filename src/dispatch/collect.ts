/**
 * Has this thread's garbage collected. A shared memory weighs nothing to a thread's heap, so that of a task that is over would stay for
 * hours, a state's size each.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options?: { type: 'major'; execution: 'async' }) => unknown
let known: Collect | null = null

function collect(): Collect {
  if (known !== null) return known
  setFlagsFromString('--expose-gc')
  known = runInNewContext('gc') as Collect
  return known
}

/** At once; it takes some ms. */
export function collectNow(): void {
  collect()()
}

/** Soon, from the event loop; it takes some ms then. */
export function collectSoon(): void {
  void collect()({ type: 'major', execution: 'async' })
}
