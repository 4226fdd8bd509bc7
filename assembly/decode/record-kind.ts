/**
 * What a record is: its type field, else its channel, else the topic it lies on. Names are compared as bytes.
 */
import { isText, valueEnd, valueStart } from './field'
import { FIELD_CHANNEL, FIELD_TYPE, fieldValue } from './field-trie'
import {
  KIND_BAR, KIND_CANCEL, KIND_CORRECTION, KIND_NONE, KIND_QUOTE, KIND_TRADE, KIND_UPDATED_BAR,
} from './reasons'

const TRADES: i32 = 0
const QUOTES: i32 = 1

/** Kind of the record just scanned, KIND_NONE when its topic has no use for it, −1 when the deciding field is no string. */
export function recordKind(trie: i32, topic: i32): i32 {
  let kind = topic == TRADES ? KIND_TRADE : topic == QUOTES ? KIND_QUOTE : KIND_BAR
  let value = fieldValue(trie, FIELD_TYPE)
  if (value != 0) {
    if (!isText(value)) return -1
    kind = valueEnd(value) - valueStart(value) == 1 ? kindOfType(load<u8>(valueStart(value))) : KIND_NONE
  } else {
    value = fieldValue(trie, FIELD_CHANNEL)
    if (value != 0) {
      if (!isText(value)) return -1
      kind = kindOfChannel(valueStart(value), valueEnd(value) - valueStart(value))
    }
  }
  return isUsed(kind, topic) ? kind : KIND_NONE
}

// @ts-ignore: decorator
@inline
function isUsed(kind: i32, topic: i32): bool {
  if (topic == TRADES) return kind == KIND_TRADE || kind == KIND_CORRECTION || kind == KIND_CANCEL
  return topic == QUOTES ? kind == KIND_QUOTE : kind == KIND_BAR || kind == KIND_UPDATED_BAR
}

/** `payload.T`: t q b u c x. */
// @ts-ignore: decorator
@inline
function kindOfType(type: u32): i32 {
  switch (type) {
    case 0x74: return KIND_TRADE
    case 0x71: return KIND_QUOTE
    case 0x62: return KIND_BAR
    case 0x75: return KIND_UPDATED_BAR
    case 0x63: return KIND_CORRECTION
    case 0x78: return KIND_CANCEL
    default: return KIND_NONE
  }
}

/** trades, quotes, bars, updatedBars, corrections, cancelErrors; the last but one words in snake_case, too. */
function kindOfChannel(at: i32, length: i32): i32 {
  switch (length) {
    case 4: return load<u32>(at) == 0x7372_6162 ? KIND_BAR : KIND_NONE
    case 6:
      if (same(at, 6, TRADES_TEXT)) return KIND_TRADE
      return same(at, 6, QUOTES_TEXT) ? KIND_QUOTE : KIND_NONE
    case 11:
      if (same(at, 11, UPDATED_BARS_TEXT)) return KIND_UPDATED_BAR
      return same(at, 11, CORRECTIONS_TEXT) ? KIND_CORRECTION : KIND_NONE
    case 12:
      if (same(at, 12, UPDATED_BARS_SNAKE_TEXT)) return KIND_UPDATED_BAR
      return same(at, 12, CANCEL_ERRORS_TEXT) ? KIND_CANCEL : KIND_NONE
    case 13: return same(at, 13, CANCEL_ERRORS_SNAKE_TEXT) ? KIND_CANCEL : KIND_NONE
    default: return KIND_NONE
  }
}

function same(at: i32, length: i32, text: usize): bool {
  for (let i = 0; i < length; i++) if (load<u8>(at + i) != load<u8>(text + i)) return false
  return true
}

// trades · quotes · updatedBars · updated_bars · corrections · cancelErrors · cancel_errors
const TRADES_TEXT = memory.data<u8>([0x74, 0x72, 0x61, 0x64, 0x65, 0x73])
const QUOTES_TEXT = memory.data<u8>([0x71, 0x75, 0x6f, 0x74, 0x65, 0x73])
const UPDATED_BARS_TEXT = memory.data<u8>([0x75, 0x70, 0x64, 0x61, 0x74, 0x65, 0x64, 0x42, 0x61, 0x72, 0x73])
const UPDATED_BARS_SNAKE_TEXT = memory.data<u8>([0x75, 0x70, 0x64, 0x61, 0x74, 0x65, 0x64, 0x5f, 0x62, 0x61, 0x72, 0x73])
const CORRECTIONS_TEXT = memory.data<u8>([0x63, 0x6f, 0x72, 0x72, 0x65, 0x63, 0x74, 0x69, 0x6f, 0x6e, 0x73])
const CANCEL_ERRORS_TEXT = memory.data<u8>([0x63, 0x61, 0x6e, 0x63, 0x65, 0x6c, 0x45, 0x72, 0x72, 0x6f, 0x72, 0x73])
const CANCEL_ERRORS_SNAKE_TEXT = memory.data<u8>([
  0x63, 0x61, 0x6e, 0x63, 0x65, 0x6c, 0x5f, 0x65, 0x72, 0x72, 0x6f, 0x72, 0x73,
])
