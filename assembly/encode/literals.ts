// Made from src/contract/output-text.ts by `npm run layout`: change it there.

// {"ingest_ts":"
export const L_INGEST_TS: usize = memory.data<u8>([123, 34, 105, 110, 103, 101, 115, 116, 95, 116, 115, 34, 58, 34, 0, 0], 16)
export const N_INGEST_TS: i32 = 14
// ","event_ts":"
export const L_EVENT_TS: usize = memory.data<u8>([34, 44, 34, 101, 118, 101, 110, 116, 95, 116, 115, 34, 58, 34, 0, 0], 16)
export const N_EVENT_TS: i32 = 14
// ","feed":
export const L_FEED: usize = memory.data<u8>([34, 44, 34, 102, 101, 101, 100, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_FEED: i32 = 9
// ,"channel":"bars_1s","symbol":
export const L_CHANNEL_BARS: usize = memory.data<u8>([44, 34, 99, 104, 97, 110, 110, 101, 108, 34, 58, 34, 98, 97, 114, 115, 95, 49, 115, 34, 44, 34, 115, 121, 109, 98, 111, 108, 34, 58, 0, 0], 16)
export const N_CHANNEL_BARS: i32 = 30
// ,"channel":"signals","symbol":
export const L_CHANNEL_SIGNALS: usize = memory.data<u8>([44, 34, 99, 104, 97, 110, 110, 101, 108, 34, 58, 34, 115, 105, 103, 110, 97, 108, 115, 34, 44, 34, 115, 121, 109, 98, 111, 108, 34, 58, 0, 0], 16)
export const N_CHANNEL_SIGNALS: i32 = 30
// ,"seq":
export const L_SEQ: usize = memory.data<u8>([44, 34, 115, 101, 113, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_SEQ: i32 = 7
// ,"is_final":true,"source":"ta","window":{"size":"
export const L_FINAL: usize = memory.data<u8>([44, 34, 105, 115, 95, 102, 105, 110, 97, 108, 34, 58, 116, 114, 117, 101, 44, 34, 115, 111, 117, 114, 99, 101, 34, 58, 34, 116, 97, 34, 44, 34, 119, 105, 110, 100, 111, 119, 34, 58, 123, 34, 115, 105, 122, 101, 34, 58, 34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_FINAL: i32 = 49
// ,"is_final":false,"source":"ta","window":{"size":"
export const L_PROVISIONAL: usize = memory.data<u8>([44, 34, 105, 115, 95, 102, 105, 110, 97, 108, 34, 58, 102, 97, 108, 115, 101, 44, 34, 115, 111, 117, 114, 99, 101, 34, 58, 34, 116, 97, 34, 44, 34, 119, 105, 110, 100, 111, 119, 34, 58, 123, 34, 115, 105, 122, 101, 34, 58, 34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_PROVISIONAL: i32 = 50
// PT1S","step":"PT1S","start":"
export const L_SECOND_WINDOW: usize = memory.data<u8>([80, 84, 49, 83, 34, 44, 34, 115, 116, 101, 112, 34, 58, 34, 80, 84, 49, 83, 34, 44, 34, 115, 116, 97, 114, 116, 34, 58, 34, 0, 0, 0], 16)
export const N_SECOND_WINDOW: i32 = 29
// PT1M","step":"PT1M","start":"
export const L_MINUTE_WINDOW: usize = memory.data<u8>([80, 84, 49, 77, 34, 44, 34, 115, 116, 101, 112, 34, 58, 34, 80, 84, 49, 77, 34, 44, 34, 115, 116, 97, 114, 116, 34, 58, 34, 0, 0, 0], 16)
export const N_MINUTE_WINDOW: i32 = 29
// ","end":"
export const L_END: usize = memory.data<u8>([34, 44, 34, 101, 110, 100, 34, 58, 34, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_END: i32 = 9
// "},"payload":{"o":
export const L_PAYLOAD_BAR: usize = memory.data<u8>([34, 125, 44, 34, 112, 97, 121, 108, 111, 97, 100, 34, 58, 123, 34, 111, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_PAYLOAD_BAR: i32 = 18
// ,"h":
export const L_HIGH: usize = memory.data<u8>([44, 34, 104, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_HIGH: i32 = 5
// ,"l":
export const L_LOW: usize = memory.data<u8>([44, 34, 108, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_LOW: i32 = 5
// ,"c":
export const L_CLOSE: usize = memory.data<u8>([44, 34, 99, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_CLOSE: i32 = 5
// ,"v":
export const L_VOLUME: usize = memory.data<u8>([44, 34, 118, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_VOLUME: i32 = 5
// ,"vwap":
export const L_VWAP: usize = memory.data<u8>([44, 34, 118, 119, 97, 112, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_VWAP: i32 = 8
// ,"count":
export const L_COUNT: usize = memory.data<u8>([44, 34, 99, 111, 117, 110, 116, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_COUNT: i32 = 9
// ,"t":"
export const L_TIME: usize = memory.data<u8>([44, 34, 116, 34, 58, 34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_TIME: i32 = 6
// "},"version":1}
export const L_BAR_END: usize = memory.data<u8>([34, 125, 44, 34, 118, 101, 114, 115, 105, 111, 110, 34, 58, 49, 125, 0], 16)
export const N_BAR_END: i32 = 15
// "},"payload":{"o":null,"h":null,"l":null,"c":null,"v":0,"vwap":null,"count":0,"t":"
export const L_RETRACTED_BAR: usize = memory.data<u8>([34, 125, 44, 34, 112, 97, 121, 108, 111, 97, 100, 34, 58, 123, 34, 111, 34, 58, 110, 117, 108, 108, 44, 34, 104, 34, 58, 110, 117, 108, 108, 44, 34, 108, 34, 58, 110, 117, 108, 108, 44, 34, 99, 34, 58, 110, 117, 108, 108, 44, 34, 118, 34, 58, 48, 44, 34, 118, 119, 97, 112, 34, 58, 110, 117, 108, 108, 44, 34, 99, 111, 117, 110, 116, 34, 58, 48, 44, 34, 116, 34, 58, 34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_RETRACTED_BAR: i32 = 83
// ","retracted":true},"version":1}
export const L_RETRACTED_END: usize = memory.data<u8>([34, 44, 34, 114, 101, 116, 114, 97, 99, 116, 101, 100, 34, 58, 116, 114, 117, 101, 125, 44, 34, 118, 101, 114, 115, 105, 111, 110, 34, 58, 49, 125], 16)
export const N_RETRACTED_END: i32 = 32
// "},"payload":{"macd":{"macd":
export const L_PAYLOAD_SIGNAL: usize = memory.data<u8>([34, 125, 44, 34, 112, 97, 121, 108, 111, 97, 100, 34, 58, 123, 34, 109, 97, 99, 100, 34, 58, 123, 34, 109, 97, 99, 100, 34, 58, 0, 0, 0], 16)
export const N_PAYLOAD_SIGNAL: i32 = 29
// ,"signal":
export const L_SIGNAL: usize = memory.data<u8>([44, 34, 115, 105, 103, 110, 97, 108, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_SIGNAL: i32 = 10
// ,"hist":
export const L_HIST: usize = memory.data<u8>([44, 34, 104, 105, 115, 116, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_HIST: i32 = 8
// },"ema":{"ema12":
export const L_EMA12: usize = memory.data<u8>([125, 44, 34, 101, 109, 97, 34, 58, 123, 34, 101, 109, 97, 49, 50, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_EMA12: i32 = 17
// ,"ema26":
export const L_EMA26: usize = memory.data<u8>([44, 34, 101, 109, 97, 50, 54, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_EMA26: i32 = 9
// },"rsi14":
export const L_RSI: usize = memory.data<u8>([125, 44, 34, 114, 115, 105, 49, 52, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_RSI: i32 = 10
// ,"boll":{"mid":
export const L_BOLL_MID: usize = memory.data<u8>([44, 34, 98, 111, 108, 108, 34, 58, 123, 34, 109, 105, 100, 34, 58, 0], 16)
export const N_BOLL_MID: i32 = 15
// ,"upper":
export const L_BOLL_UPPER: usize = memory.data<u8>([44, 34, 117, 112, 112, 101, 114, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_BOLL_UPPER: i32 = 9
// ,"lower":
export const L_BOLL_LOWER: usize = memory.data<u8>([44, 34, 108, 111, 119, 101, 114, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_BOLL_LOWER: i32 = 9
// },"vwap":{"session":
export const L_VWAP_SESSION: usize = memory.data<u8>([125, 44, 34, 118, 119, 97, 112, 34, 58, 123, 34, 115, 101, 115, 115, 105, 111, 110, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_VWAP_SESSION: i32 = 20
// ,"w5m":
export const L_VWAP_W5M: usize = memory.data<u8>([44, 34, 119, 53, 109, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_VWAP_W5M: i32 = 7
// },"imbalance":{"spread":
export const L_SPREAD: usize = memory.data<u8>([125, 44, 34, 105, 109, 98, 97, 108, 97, 110, 99, 101, 34, 58, 123, 34, 115, 112, 114, 101, 97, 100, 34, 58, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_SPREAD: i32 = 24
// ,"bid_px":
export const L_BID_PX: usize = memory.data<u8>([44, 34, 98, 105, 100, 95, 112, 120, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_BID_PX: i32 = 10
// ,"ask_px":
export const L_ASK_PX: usize = memory.data<u8>([44, 34, 97, 115, 107, 95, 112, 120, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_ASK_PX: i32 = 10
// ,"bid_sz":
export const L_BID_SZ: usize = memory.data<u8>([44, 34, 98, 105, 100, 95, 115, 122, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_BID_SZ: i32 = 10
// ,"ask_sz":
export const L_ASK_SZ: usize = memory.data<u8>([44, 34, 97, 115, 107, 95, 115, 122, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_ASK_SZ: i32 = 10
// ,"ratio":
export const L_RATIO: usize = memory.data<u8>([44, 34, 114, 97, 116, 105, 111, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_RATIO: i32 = 9
// },"vol_realized":{"w60s":
export const L_VOL: usize = memory.data<u8>([125, 44, 34, 118, 111, 108, 95, 114, 101, 97, 108, 105, 122, 101, 100, 34, 58, 123, 34, 119, 54, 48, 115, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_VOL: i32 = 25
// },"imbalance":null,"vol_realized":{"w60s":
export const L_NO_IMBALANCE: usize = memory.data<u8>([125, 44, 34, 105, 109, 98, 97, 108, 97, 110, 99, 101, 34, 58, 110, 117, 108, 108, 44, 34, 118, 111, 108, 95, 114, 101, 97, 108, 105, 122, 101, 100, 34, 58, 123, 34, 119, 54, 48, 115, 34, 58, 0, 0, 0, 0, 0, 0], 16)
export const N_NO_IMBALANCE: i32 = 42
// },"bars":
export const L_BARS: usize = memory.data<u8>([125, 44, 34, 98, 97, 114, 115, 34, 58, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_BARS: i32 = 9
// ,"signal_quality_flag":"
export const L_FLAG: usize = memory.data<u8>([44, 34, 115, 105, 103, 110, 97, 108, 95, 113, 117, 97, 108, 105, 116, 121, 95, 102, 108, 97, 103, 34, 58, 34, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_FLAG: i32 = 24
// ok
export const L_FLAG_OK: usize = memory.data<u8>([111, 107, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_FLAG_OK: i32 = 2
// warming_up
export const L_FLAG_WARMING_UP: usize = memory.data<u8>([119, 97, 114, 109, 105, 110, 103, 95, 117, 112, 0, 0, 0, 0, 0, 0], 16)
export const N_FLAG_WARMING_UP: i32 = 10
// quote_stale
export const L_FLAG_QUOTE_STALE: usize = memory.data<u8>([113, 117, 111, 116, 101, 95, 115, 116, 97, 108, 101, 0, 0, 0, 0, 0], 16)
export const N_FLAG_QUOTE_STALE: i32 = 11
// no_quote
export const L_FLAG_NO_QUOTE: usize = memory.data<u8>([110, 111, 95, 113, 117, 111, 116, 101, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_FLAG_NO_QUOTE: i32 = 8
// "},"version":1}
export const L_SIGNAL_END: usize = memory.data<u8>([34, 125, 44, 34, 118, 101, 114, 115, 105, 111, 110, 34, 58, 49, 125, 0], 16)
export const N_SIGNAL_END: i32 = 15
// null
export const L_NULL: usize = memory.data<u8>([110, 117, 108, 108, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 16)
export const N_NULL: i32 = 4
