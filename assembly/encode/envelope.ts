/**
 * The envelope around every output record, as JSON text. `at` is where the next byte goes; each writer returns the new end.
 * Byte for byte what the reference encoder in TypeScript writes (test/model/encode.ts): same key order, shortest numbers.
 */
import { C_FEED_NAME, C_FEED_NAME_LENGTH, C_SYMBOL_NAME, C_SYMBOL_NAME_LENGTH, FEED_BYTES_MAX, H_CLOCK_MS } from '../layout'
import { HEAD_LENGTH, HEAD_TEXT, SECOND_TEXTS, SECOND_TEXTS_KEPT } from '../decode/scratch'
import { NONE, NS, cell, i32At } from '../memory'
import {
  L_END, L_EVENT_TS, L_FEED, L_FINAL, L_INGEST_TS, L_MINUTE_WINDOW, L_NULL, L_PROVISIONAL, L_SECOND_WINDOW, L_SEQ,
  N_END, N_EVENT_TS, N_FEED, N_FINAL, N_INGEST_TS, N_MINUTE_WINDOW, N_NULL, N_PROVISIONAL, N_SECOND_WINDOW, N_SEQ,
} from './literals'
import { writeF64, writeI64 } from './number'
import { writeString } from './text'
import { writeStamp, writeStampMs } from './time'

const SECOND_BYTES: i32 = 20

/** Copies a literal, 16 bytes at a time: up to 15 bytes past its end are written and then overwritten. */
@inline export function put(at: i32, literal: usize, length: i32): i32 {
  for (let i = 0; i < length; i += 16) v128.store(<usize>(at + i), v128.load(literal + <usize>i))
  return at + length
}

/** A number after its label; NaN and infinities become null. */
@inline export function putNumber(at: i32, label: usize, labelLength: i32, value: f64): i32 {
  return writeF64(put(at, label, labelLength), value)
}

/** Whole seconds as RFC 3339: 20 bytes, 24 are written. An epoch's records share few seconds, so their texts are kept. */
@inline export function putSecond(at: i32, second: i64): i32 {
  const kept = SECOND_TEXTS + (<i32>second & (SECOND_TEXTS_KEPT - 1)) * 32
  if (load<i64>(kept) != second) keepSecond(kept, second)
  v128.store(at, v128.load(kept, 8))
  store<u64>(at, load<u64>(kept, 24), 16)
  return at + SECOND_BYTES
}

function keepSecond(kept: i32, second: i64): void {
  assert(writeStamp(kept + 8, second * NS) == kept + 8 + SECOND_BYTES)
  store<i64>(kept, second)
}

/** Makes the texts that all records of an epoch's end share. Called before the first of them, with the clock set. */
export function openTexts(): void {
  let at = put(HEAD_TEXT, L_INGEST_TS, N_INGEST_TS)
  at = put(writeStampMs(at, cell(H_CLOCK_MS)), L_EVENT_TS, N_EVENT_TS)
  store<i32>(HEAD_LENGTH, at - HEAD_TEXT)
  for (let i = 0; i < SECOND_TEXTS_KEPT; i++) store<i64>(SECOND_TEXTS + i * 32, NONE)
}

/** Everything from `{` to the window's end stamp: what follows is the payload. */
export function putHead(
  start: i32, channel: usize, channelLength: i32, symbol: i32, feed: i32, seq: i64, isFinal: bool, startSecond: i64, endSecond: i64, minute: bool,
): i32 {
  let at = putSecond(put(start, HEAD_TEXT, load<i32>(HEAD_LENGTH)), endSecond)
  at = put(at, L_FEED, N_FEED)
  at = feed == 0
    ? put(at, L_NULL, N_NULL)
    : writeString(at, load<i32>(C_FEED_NAME) + feed * FEED_BYTES_MAX, i32At(C_FEED_NAME_LENGTH, feed))
  at = put(at, channel, channelLength)
  at = writeString(at, load<i32>(C_SYMBOL_NAME) + symbol * 32, i32At(C_SYMBOL_NAME_LENGTH, symbol))
  at = writeI64(put(at, L_SEQ, N_SEQ), seq)
  at = isFinal ? put(at, L_FINAL, N_FINAL) : put(at, L_PROVISIONAL, N_PROVISIONAL)
  at = minute ? put(at, L_MINUTE_WINDOW, N_MINUTE_WINDOW) : put(at, L_SECOND_WINDOW, N_SECOND_WINDOW)
  at = putSecond(at, startSecond)
  return putSecond(put(at, L_END, N_END), endSecond)
}
