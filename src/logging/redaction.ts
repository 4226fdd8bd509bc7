const MASK = '********'

/**
 * Makes a function that takes secrets out of a JSON log line: out of texts at any depth, as they are, URL-encoded or in
 * Base64. Keys and numbers stay, so that a password `info` does not break the line; a secret of six bytes or more that is
 * still there after that (in a key, say) goes as well.
 */
export function redaction(secrets: readonly string[]): (line: string) => string {
  const plain = [...new Set(secrets.filter((secret) => secret !== ''))].sort((a, b) => b.length - a.length)
  if (plain.length === 0) return (line) => line
  const forms = [...new Set(plain.flatMap(formsOf))]
  const inLine = [...new Set(forms.flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]))]
  const clean = (text: string): string => forms.reduce((rest, form) => rest.replaceAll(form, MASK), text)
  return (line) => {
    // Almost every line has no secret in it, and is not taken apart.
    if (!inLine.some((form) => line.includes(form))) return line
    const cleaned = `${JSON.stringify(cleanTexts(parseLine(line, clean), clean))}\n`
    return inLine.filter((form) => form.length >= 6).reduce((rest, form) => rest.replaceAll(form, MASK), cleaned)
  }
}

function formsOf(secret: string): string[] {
  const encoded = encodeURIComponent(secret)
  const base64 = Buffer.from(secret).toString('base64')
  // Short ones in Base64 are four letters that turn up by chance.
  return secret.length >= 6 ? [secret, encoded, base64] : [secret, encoded]
}

function parseLine(line: string, clean: (text: string) => string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    // No JSON, so nothing to keep whole: the text itself is cleaned.
    return { msg: clean(line.trimEnd()) }
  }
}

/** pino's own fields: what they hold never comes from outside. */
const OWN = new Set(['level', 'time'])

function cleanTexts(value: unknown, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value)
  if (Array.isArray(value)) return value.map((item) => cleanTexts(item, clean))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, OWN.has(key) ? item : cleanTexts(item, clean)]))
}
