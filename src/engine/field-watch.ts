/** TA_FIELD_MAP against the inputs' newest records: looked at once, beside the start, so that a restart is as quick as ever. */
import type { Logger } from '../logging/logger.ts'
import { LogError } from '../ports/log.ts'
import type { Log } from '../ports/log.ts'
import { judgeSample, sampleTopic } from '../topics/field-sample.ts'
import type { FieldFinding } from '../topics/field-sample.ts'

export class FieldWatch {
  readonly #log: Log
  readonly #logger: Logger
  readonly #map: Readonly<Record<string, string>>
  #findings: FieldFinding[] = []

  constructor(log: Log, logger: Logger, map: Readonly<Record<string, string>>) {
    this.#log = log
    this.#logger = logger
    this.#map = map
  }

  /**
   * Samples the inputs (topic by channel, '' where it is off) and warns of what doesn't fit. A topic may hold records from before a
   * change of its source, so nothing is refused.
   */
  async look(inputs: readonly string[], partitions: number): Promise<void> {
    if (Object.keys(this.#map).length === 0) return
    for (const [channel, topic] of inputs.entries()) {
      if (topic === '') continue
      try {
        const sample = await sampleTopic(this.#log, topic, partitions)
        this.#note(judgeSample(this.#map, channel, topic, sample), topic, sample.length)
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        this.#logger.warn({}, `TA_FIELD_MAP was not checked against ${topic}: ${error.message}`)
      }
    }
  }

  #note(findings: FieldFinding[] | null, topic: string, records: number): void {
    if (findings === null) {
      const why = records === 0 ? 'it holds no records' : `none of its ${records} newest records is of its own type`
      this.#logger.info({}, `TA_FIELD_MAP was not checked against ${topic}: ${why}`)
      return
    }
    for (const { sentence } of findings) this.#logger.warn({}, sentence)
    this.#findings.push(...findings)
  }

  /** What keeps records from being applied, a sentence each, until a record of the channel has been: then the sample was of old ones. */
  blocking(hasApplied: (channel: number) => boolean): string[] {
    this.#findings = this.#findings.filter(({ blocks, channel }) => blocks && !hasApplied(channel))
    return this.#findings.map(({ sentence }) => sentence)
  }
}
