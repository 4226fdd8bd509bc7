/** Single input records for tests: an envelope with sensible fields, of which a test names those that matter. */

export interface TestRecord {
  key: string
  value: string
}

type Members = Record<string, unknown>

/** Envelope around a payload; `envelope` overrides its members. */
function record(payload: Members, envelope: Members): TestRecord {
  const symbol = (envelope.symbol ?? payload.S) as string
  return { key: symbol, value: JSON.stringify({ event_ts: payload.t, feed: 'sip', symbol, payload, ...envelope }) }
}

/** `t` is the event time, RFC 3339. */
export function tradeRecord(payload: { t: string } & Members, envelope: Members = {}): TestRecord {
  return record({ T: 't', S: 'AAPL', i: 1, x: 'Q', p: 100, s: 100, c: ['@'], z: 'C', ...payload }, envelope)
}

export function cancelRecord(payload: { t: string } & Members, envelope: Members = {}): TestRecord {
  return record({ T: 'x', S: 'AAPL', i: 1, x: 'Q', p: 100, s: 100, a: 'C', z: 'C', ...payload }, envelope)
}

export function correctionRecord(payload: { t: string } & Members, envelope: Members = {}): TestRecord {
  const original = { oi: 1, op: 100, os: 100, oc: ['@'] }
  return record({ T: 'c', S: 'AAPL', x: 'Q', ...original, ci: 2, cp: 100, cs: 100, cc: ['@'], z: 'C', ...payload }, envelope)
}

export function quoteRecord(payload: { t: string } & Members, envelope: Members = {}): TestRecord {
  return record({ T: 'q', S: 'AAPL', bx: 'Q', bp: 99, bs: 1, ax: 'Q', ap: 101, as: 3, c: ['R'], z: 'C', ...payload }, envelope)
}

/** `t` is the minute's start. */
export function minuteBarRecord(payload: { t: string } & Members, envelope: Members = {}): TestRecord {
  const values = { o: 100, h: 102, l: 99, c: 101, v: 1000, vw: 100.5, n: 10 }
  return record({ T: 'b', S: 'AAPL', ...values, ...payload }, { is_final: true, ...envelope })
}
