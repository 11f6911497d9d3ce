import type { ApiResponse } from './connection.ts'
import { readText } from './line.ts'

/** What went wrong with the API, as far as it changes what is done about it. */
export const FaultCode = {
  /** Options, a kubeconfig or credentials that a person must put right. */
  CONFIGURATION: 'configuration',
  UNREACHABLE: 'unreachable',
  CERTIFICATE: 'certificate',
  UNAUTHORIZED: 'unauthorized',
  FORBIDDEN: 'forbidden',
  NOT_FOUND: 'not-found',
  /** The resourceVersion or the continue token is older than what the server remembers. */
  GONE: 'gone',
  /** What the server tells is not what comes after what is known. */
  REWOUND: 'rewound',
  /** The server does not know a parameter of the request. */
  UNSUPPORTED: 'unsupported',
  /** 429 or 503: come back later. */
  BUSY: 'busy',
  /** What came is not what the API sends, or was cut off. */
  MALFORMED: 'malformed',
  /** Nothing was heard for too long. */
  SILENT: 'silent',
  SERVER: 'server',
} as const
export type FaultCode = (typeof FaultCode)[keyof typeof FaultCode]

/** One line: what failed, where, what to do. Never holds a token, a key or a password. */
export class ApiFault extends Error {
  override readonly name = 'ApiFault'
  readonly code: FaultCode
  /** How long the server asked to be left alone; undefined when it did not. */
  readonly retryAfterMs: number | undefined

  constructor(code: FaultCode, message: string, retryAfterMs?: number) {
    super(toOneLine(message))
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}

/** Someone else's text, made fit for one log line. */
export function toOneLine(text: string): string {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.length > 500 ? `${line.slice(0, 500)}…` : line
}

/** The address without user, password, query or fragment. */
export function publicAddress(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? '(not a URL)' : `${parsed.protocol}//${parsed.host}${parsed.pathname.replace(/\/$/, '')}`
}

/** A connection that failed or broke. `error` is what node:http or node:tls threw. */
export function explainNetworkError(error: unknown, baseUrl: string): ApiFault {
  if (error instanceof ApiFault) return error
  const where = publicAddress(baseUrl)
  const code = findCode(error)
  const reason = findMessage(error)
  if (code === 'ECONNREFUSED') {
    return new ApiFault(
      FaultCode.UNREACHABLE,
      `${where} refuses connections (ECONNREFUSED): is the API server running there?`,
    )
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new ApiFault(
      FaultCode.UNREACHABLE,
      `the host of ${where} has no address (${code}): check the name, or give the address itself`,
    )
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return new ApiFault(
      FaultCode.CERTIFICATE,
      `the certificate of ${where} is for another name (${reason}): ` +
        'use a name or address that it lists, or set tls-server-name in the kubeconfig',
    )
  }
  if (/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/.test(code)) {
    return new ApiFault(
      FaultCode.CERTIFICATE,
      `the certificate of ${where} is out of date (${code}): renew it, or check the clock of this machine`,
    )
  }
  if (/SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|CERT_SIGNATURE|CERT_UNTRUSTED|INVALID_CA/.test(code)) {
    return new ApiFault(
      FaultCode.CERTIFICATE,
      `the certificate of ${where} is not signed by a CA given here (${code}): give the CA of the cluster`,
    )
  }
  if (/^ERR_(SSL|OSSL|TLS)|^EPROTO$/.test(code)) {
    return new ApiFault(
      FaultCode.CERTIFICATE,
      `no TLS with ${where} (${code}): check that it is an https port, and the client certificate and key`,
    )
  }
  return new ApiFault(
    FaultCode.UNREACHABLE,
    `the connection to ${where} failed (${code === '' ? reason : `${code}: ${reason}`})`,
  )
}

/** The connect of node:net to a host of several addresses throws one error for all of them. */
function findCode(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const nested =
    error instanceof AggregateError
      ? (error.errors as unknown[]).map(findCode).find(code => code !== '')
      : findCode(error.cause)
  if (nested !== undefined && nested !== '') return nested
  const code = (error as NodeJS.ErrnoException).code
  return typeof code === 'string' ? code : ''
}

function findMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && error.cause !== undefined ? findMessage(error.cause) : error.message
}

const MAX_STATUS_BYTES = 65_536

/** The Status object of a refusal; what a proxy sends in its place is taken as the message. */
export async function readStatus(response: Pick<ApiResponse, 'read'>): Promise<unknown> {
  const text = await readText(response, MAX_STATUS_BYTES)
  try {
    return JSON.parse(text)
  } catch {
    return { message: toOneLine(text).slice(0, 200) }
  }
}

/** What was asked, for the message about the refusal. */
export interface Asked {
  verb: 'list' | 'watch'
  /** The resource as RBAC has it: `endpointslices.discovery.k8s.io`. */
  resource: string
  baseUrl: string
}

/**
 * A refusal: the HTTP status, or that of an ERROR event of a watch, with the `Status` object that came along (or
 * whatever came in its place). `retryAfter` is the header of that name: seconds, or a date (RFC 9110 section 10.2.3).
 */
export function explainStatus(
  httpStatus: number,
  body: unknown,
  asked: Asked,
  nowMs: number,
  retryAfter?: string,
): ApiFault {
  const status = parseStatus(body)
  const what = `${asked.verb} ${asked.resource} at ${publicAddress(asked.baseUrl)}`
  const said = status.message === '' ? '' : `: ${status.message}`
  const retryAfterMs = readRetryAfterMs(retryAfter, nowMs) ?? status.retryAfterMs
  if (status.tooLarge)
    return new ApiFault(FaultCode.GONE, `${what}: the server knows only older versions than ours${said}`, retryAfterMs)
  switch (httpStatus) {
    case 401:
      return new ApiFault(
        FaultCode.UNAUTHORIZED,
        `${what}: 401, the credentials were not accepted: is the token or client certificate expired, or of another cluster?`,
      )
    case 403:
      return new ApiFault(
        FaultCode.FORBIDDEN,
        `${what}: 403, not allowed${said}: a ClusterRole must grant the verbs list and watch on ${asked.resource}`,
      )
    case 404:
      return new ApiFault(
        FaultCode.NOT_FOUND,
        `${what}: 404, this server has no such resource: is its CRD installed, and the endpoint the root of the API?`,
      )
    case 410:
      return new ApiFault(FaultCode.GONE, `${what}: 410, too old${said}`)
    case 429:
    case 503:
      return new ApiFault(FaultCode.BUSY, `${what}: ${httpStatus}, the server is busy${said}`, retryAfterMs)
    case 400:
    case 405:
    case 406:
    case 422:
    case 501:
      return new ApiFault(FaultCode.UNSUPPORTED, `${what}: ${httpStatus}, not understood${said}`, retryAfterMs)
    default:
      return new ApiFault(FaultCode.SERVER, `${what}: ${httpStatus}${said}`, retryAfterMs)
  }
}

interface Status {
  message: string
  retryAfterMs: number | undefined
  /** The server is behind the version asked for: its etcd was restored from an older copy, or it has not caught up. */
  tooLarge: boolean
}

function parseStatus(body: unknown): Status {
  const status = body as
    | { message?: unknown; details?: { retryAfterSeconds?: unknown; causes?: unknown } | null }
    | null
    | undefined
  const message = typeof status?.message === 'string' ? status.message : ''
  const seconds = status?.details?.retryAfterSeconds
  const causes: unknown = status?.details?.causes
  return {
    message,
    retryAfterMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined,
    tooLarge:
      Array.isArray(causes) &&
      causes.some(cause => (cause as { reason?: unknown } | null)?.reason === 'ResourceVersionTooLarge'),
  }
}

function readRetryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header === '') return undefined
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs
  return Number.isFinite(delayMs) ? Math.max(0, delayMs) : undefined
}
