/** Codes of src/contract/outcomes.ts (a test asserts that they agree), as far as decode gives them. */
export const OUTCOME_FILTERED: u8 = 3
export const OUTCOME_REJECTED: u8 = 4
export const OUTCOME_UNDECIDED: u8 = 255

/** Fine so far; otherwise a reason to reject, or FILTERED. */
export const NONE: i32 = 0
export const REASON_NOT_JSON: i32 = 1
export const REASON_NOT_OBJECT: i32 = 2
export const REASON_MISSING_FIELD: i32 = 3
export const REASON_WRONG_KIND: i32 = 4
export const REASON_BAD_TIME: i32 = 5
export const REASON_BAD_PRICE: i32 = 6
export const REASON_BAD_SIZE: i32 = 7
export const REASON_BAD_BAR: i32 = 8
export const REASON_FUTURE: i32 = 9
export const REASON_BAD_SYMBOL: i32 = 10
export const REASON_KEY_MISMATCH: i32 = 11
export const REASON_TOO_LARGE: i32 = 12
/** No reason: the record is left out, and counted as filtered. */
export const FILTERED: i32 = -1

/** D_KIND. */
export const KIND_NONE: i32 = 0
export const KIND_TRADE: i32 = 1
export const KIND_QUOTE: i32 = 2
export const KIND_BAR: i32 = 3
export const KIND_UPDATED_BAR: i32 = 4
export const KIND_CORRECTION: i32 = 5
export const KIND_CANCEL: i32 = 6
