/**
 * Bytes of unknown kind as one line of text that does no harm to a terminal: UTF-8 as it is, and everything that is not to be
 * printed (control, format and unassigned characters: also those that turn the direction of text) as `\u{…}`; bytes that are
 * not UTF-8 as `\x…`. A last character that is cut short is left out.
 */
export function bytesText(bytes: Uint8Array): string {
  return textOf(bytes).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0)!
    return code === 0x0a ? '\\n' : code === 0x09 ? '\\t' : code === 0x0d ? '\\r' : `\\u{${code.toString(16)}}`
  })
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: true })
  } catch {
    return Array.from(bytes, (byte) =>
      byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`).join('')
  }
}
