// A format such as `{remote}:{port} "{type} {name}" {rcode}`, taken apart once, so that a line is put together without looking at it again.

import { formatAddress } from '../../wire/address.ts'
import { NO_ANSWER } from '../../server/handler.ts'
import type { Metadata } from '../../server/metadata.ts'
import { Flag, MAX_MESSAGE_SIZE, type Rcode, formatClass, formatRcode, formatType } from '../../wire/constants.ts'
import { formatName } from '../../wire/name.ts'
import { type Query, Transport } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { Class, type ReplyType, classify } from './classify.ts'

/** What a line can tell of. */
export interface Entry {
  readonly query: Query
  readonly reply: Reply
  readonly rcode: Rcode
  readonly type: ReplyType
  readonly durationMs: number
}

type Field = (entry: Entry) => string
export type Format = (entry: Entry) => string

export const COMMON_FORMAT =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}'
const COMBINED_FORMAT = `${COMMON_FORMAT} "{>opcode}"`

const NO_VALUE = '-'
const NS_PER_MS = 1e6

const FIELDS: Readonly<Record<string, Field>> = {
  '{type}': ({ query }) => formatType(query.qtype),
  '{name}': ({ query }) => formatName(query.name),
  '{class}': ({ query }) => formatClass(query.qclass),
  '{proto}': ({ query }) => (query.transport === Transport.UDP ? 'udp' : 'tcp'),
  '{size}': ({ query }) => String(query.size),
  '{remote}': ({ query }) => formatHost(query.clientAddress),
  '{port}': ({ query }) => String(query.clientPort),
  '{local}': () => NO_VALUE,
  '{>id}': ({ query }) => String(query.id),
  '{>opcode}': ({ query }) => String(query.opcode),
  '{>do}': ({ query }) => String(query.dnssecOk),
  '{>bufsize}': ({ query }) => String(query.transport === Transport.UDP ? query.udpSize : MAX_MESSAGE_SIZE),
  '{rcode}': ({ rcode }) => (rcode === NO_ANSWER ? NO_VALUE : formatRcode(rcode)),
  '{rsize}': ({ reply, rcode }) => (rcode === NO_ANSWER ? '0' : String(reply.finishedSize)),
  '{>rflags}': formatFlags,
  '{duration}': ({ durationMs }) => `${formatSeconds(durationMs)}s`,
}

/** Metadata that log itself has, and needs no *metadata* for. */
const METADATA: Readonly<Record<string, Field>> = {
  'log/type': ({ type }) => type,
  'log/class': ({ type }) => CLASS_NAMES[classify(type)],
}
const CLASS_NAMES: Readonly<Record<Class, string>> = {
  [Class.Success]: 'success',
  [Class.Denial]: 'denial',
  [Class.Error]: 'error',
}

/** What stands in braces and has no meaning stays as it is, as in CoreDNS. `read` gives the metadata of a label. */
export function compileFormat(text: string, read: (label: string) => Metadata): Format {
  const expanded = text.replaceAll('{common}', COMMON_FORMAT).replaceAll('{combined}', COMBINED_FORMAT)
  const parts = expanded.split(/(\{[^{}]*\})/).map(part => compilePart(part, read))
  return entry => {
    let line = ''
    for (const part of parts) line += typeof part === 'string' ? part : part(entry)
    return line
  }
}

function compilePart(part: string, read: (label: string) => Metadata): string | Field {
  if (Object.hasOwn(FIELDS, part)) return FIELDS[part]
  if (!part.startsWith('{/')) return part
  const label = part.slice(2, -1)
  if (Object.hasOwn(METADATA, label)) return METADATA[label]
  const value = read(label)
  return ({ query, reply }) => value(query, reply) ?? NO_VALUE
}

/** RFC 3986 section 3.2.2: an IPv6 address stands in brackets. */
function formatHost(address: Uint8Array): string {
  return address.length === 4 ? formatAddress(address) : `[${formatAddress(address)}]`
}

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [Flag.AA, ',aa'],
  [Flag.TC, ',tc'],
  [Flag.RD, ',rd'],
  [Flag.RA, ',ra'],
  [Flag.AD, ',ad'],
  [Flag.CD, ',cd'],
]

/** The flags that the reply's header will have. */
function formatFlags({ query, reply, rcode }: Entry): string {
  if (rcode === NO_ANSWER) return NO_VALUE
  const flags = reply.headerFlags(query)
  let text = 'qr'
  for (const [flag, name] of FLAG_NAMES) if ((flags & flag) !== 0) text += name
  return text
}

/** As few digits as say it, down to nanoseconds, and never an exponent. */
function formatSeconds(ms: number): string {
  const ns = Math.round(ms * NS_PER_MS)
  return (ns / (1000 * NS_PER_MS)).toFixed(9).replace(/\.?0+$/, '')
}
