/** What the main thread asks a worker to do with a task's memory. Plain data: it crosses threads. */
import type { BatchColumns } from '../ports/log.ts'
import type { TableFile } from '../state/arrow-tables.ts'

export interface ApplyRequest {
  op: 'apply'
  /** Channel number of the batch that lies in the memory's input columns. */
  topic: number
  rows: number
  /** The clock that judges stamps in the future; null in a replay over files. */
  clockNs: bigint | null
  /** First step of an epoch: its hashes and counts begin anew. */
  opensEpoch: boolean
}

export interface CloseRequest {
  op: 'close'
  clockMs: number | null
  bits: number
  /** The epoch had no step: its hashes and counts begin anew. */
  opensEpoch: boolean
}

/** One step of a recorded epoch: the next `rows` records of its channel. */
export interface ReplayStep {
  topic: number
  rows: number
  clockNs: bigint
}

/** Several steps of a recorded epoch in one go. The records come along, a channel's in one piece: the memory holds one batch. */
export interface ReplayRequest {
  op: 'replay'
  steps: ReplayStep[]
  /** Records by channel, those of its steps one after another; null where no step takes any. */
  columns: (BatchColumns | null)[]
  opensEpoch: boolean
}

/** Copies the state out of the memory: what a snapshot is made of, apart from every step. */
export interface CopyRequest {
  op: 'copy'
}

export type Request = ApplyRequest | CloseRequest | ReplayRequest | CopyRequest

/** A request with the memory it is for. `key` names memory and kernel, so that a worker can keep its instance. */
export interface Envelope<R extends Request = Request> {
  key: string
  memory: WebAssembly.Memory
  module: WebAssembly.Module
  request: R
}

/** A request to a worker that is thought to have the memory of this key already. */
export type Letter = Pick<Envelope, 'key' | 'request'>

/** A worker's answer to a letter for a task that it does not have: nothing was done. */
export const UNKNOWN_TASK = 'unknown task'

/** The beginning of keys of a task that is over, the nth of a pool: workers keep each task's memory until they are told. */
export interface Forgotten {
  nth: number
  keyPrefix: string
}

/** What a worker gets: a request, or none (it looks what is over), with the last tasks that are over. */
export type Message = Partial<Envelope> & { forgotten: readonly Forgotten[] }

/** How long the parts of a step took, ms; 0 for those it has not. For metrics alone. */
export interface StepTimes {
  decodeMs: number
  kernelMs: number
}

/** Records of the steps that were replayed which went to the DLQ or the late topic then: how many. */
export interface ReplayCounts {
  late: number
  rejected: number
}

export type SnapshotFile = TableFile
