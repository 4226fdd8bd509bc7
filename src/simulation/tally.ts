/** What really happened in a simulation, counted by kind: shows how far its faults reach. */
export class Tally {
  readonly counts = new Map<string, number>()

  note(kind: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
  }

  add(other: Iterable<readonly [string, number]>): void {
    for (const [kind, count] of other) this.counts.set(kind, (this.counts.get(kind) ?? 0) + count)
  }
}
