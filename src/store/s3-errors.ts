/** What an S3 client throws, as one clause for a person. In: errors of any kind. Out: texts without secrets. Imports: nothing. */

/** What we look at in an error of the SDK, of its transport or of Node. */
interface S3Failure {
  name?: string
  code?: string
  message?: string
  errors?: unknown[]
  $metadata?: { httpStatusCode?: number; attempts?: number }
}

const REASON_CHARS_MAX = 300

const KEYS = 'TA_S3_ACCESS_KEY and TA_S3_SECRET_KEY'
const CERTIFICATE = 'name a file with its authority in NODE_EXTRA_CA_CERTS'
const REGION = 'check TA_S3_REGION'
const ADDRESS = 'check TA_S3_ENDPOINT and whether the server runs'

/** What to do, by the server's code or Node's. */
const ADVICE: Readonly<Record<string, string>> = {
  SignatureDoesNotMatch: `check ${KEYS}`,
  InvalidAccessKeyId: `check ${KEYS}`,
  XAdminUserNotFound: `check ${KEYS}`, // what versitygw calls it
  CredentialsProviderError: `set ${KEYS}, or give the credentials in a way that AWS's tools know`,
  ExpiredToken: 'renew the credentials',
  AccessDenied: 'the key needs the rights to list the bucket and to get, put and delete its objects',
  NoSuchBucket: 'create the bucket or correct TA_SNAPSHOT_URI',
  PermanentRedirect: REGION,
  AuthorizationHeaderMalformed: REGION,
  RequestTimeTooSkewed: "set this host's clock right",
  NotImplemented: 'the server must know conditional puts (If-None-Match: *)',
  ECONNREFUSED: ADDRESS,
  ENOTFOUND: ADDRESS,
  EHOSTUNREACH: ADDRESS,
  SELF_SIGNED_CERT_IN_CHAIN: CERTIFICATE,
  DEPTH_ZERO_SELF_SIGNED_CERT: CERTIFICATE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CERTIFICATE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CERTIFICATE,
}

/** The server's code (`NoSuchKey`), or that of the network (`ECONNREFUSED`). */
export function failureCode(error: unknown): string {
  const { name, code, $metadata } = error as S3Failure
  return ($metadata?.httpStatusCode === undefined ? code ?? name : name) ?? ''
}

/** Whether settings have to change before it can work: keys, rights, bucket, region, certificate. What is not reached may come back by itself. */
export function isRefusal(error: unknown): boolean {
  const code = failureCode(error)
  return Object.hasOwn(ADVICE, code) && ADVICE[code] !== ADDRESS && code !== 'RequestTimeTooSkewed'
}

/** How often the client has tried, the first included. */
export const failureAttempts = (error: unknown): number => (error as S3Failure).$metadata?.attempts ?? 1

/** Whether the server has answered at all: its errors carry more than their message, such as the access key. */
export const isServersAnswer = (error: unknown): boolean => (error as S3Failure).$metadata?.httpStatusCode !== undefined

/** What went wrong and what to do, in one line. */
export function failureReason(error: unknown): string {
  const code = failureCode(error)
  const reason = isServersAnswer(error) ? answerText(error as S3Failure) : networkText(error)
  const line = reason.replace(/\s+/g, ' ').replace(/[.\s]+$/, '')
  const cut = line.length > REASON_CHARS_MAX ? `${line.slice(0, REASON_CHARS_MAX)}…` : line
  const advice = Object.hasOwn(ADVICE, code) ? `: ${ADVICE[code]}` : ''
  return `${cut}${advice}`
}

function answerText({ name = '', message = '', $metadata }: S3Failure): string {
  const status = `the server answered HTTP ${$metadata?.httpStatusCode}`
  // the SDK's own words where an answer has no error in it that it can read: a proxy's page, or nothing
  if (/^Unknown|^NotFound$|^SyntaxError$|^Error$/.test(name) || /Deserialization error/.test(message)) {
    return `${status}, and no error as S3 writes it`
  }
  return `${status}, ${name}${message !== '' && message !== name ? ` (${message.replace(/[.\s]+$/, '')})` : ''}`
}

function networkText(error: unknown): string {
  const { message, code, errors, name } = error as S3Failure
  // both addresses of a name refused: the error of the whole has no text of its own
  if (!message && errors !== undefined && errors.length > 0) return networkText(errors[0])
  return (message || code || name || String(error)).replace(/^@smithy\/node-http-handler - (\[ERROR\] )?/, '')
}
