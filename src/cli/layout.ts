// A reply in the layout of dig (RFC 1035 section 5.1 for the records), from what dns2 decodes.
//
// Two things of a message dns2 does not tell: a dot inside a label, and octets of a TXT that are no UTF-8.

import { Packet, type Question, type Resource } from 'dns2'
import { formatAddress, parseAddress } from '../wire/address.ts'
import { formatClass, formatRcode, formatType, Type } from '../wire/constants.ts'
import { formatName } from '../wire/name.ts'

/** The server that was asked: as it was named, and where that is. */
export interface Endpoint {
  host: string
  address: string
  family: 4 | 6
  port: number
}

export interface Received {
  message: Buffer
  packet: Packet
  transport: 'UDP' | 'TCP'
}

const OPCODES = ['QUERY', 'IQUERY', 'STATUS', 'RESERVED3', 'NOTIFY', 'UPDATE']

// What kubezone itself never answers, but another server may (RFC 2136 section 2.2).
const UPDATE_RCODES = ['YXDOMAIN', 'YXRRSET', 'NXRRSET', 'NOTAUTH', 'NOTZONE']

/** The whole reply, a line each. */
export function formatReply({ message, packet, transport }: Received, server: Endpoint, tookMs: number): string[] {
  const { header, questions, answers, authorities, additionals } = packet
  const opt = additionals.find(record => record.type === Type.OPT)
  const status = UPDATE_RCODES[header.rcode - 6] ?? formatRcode(header.rcode)
  const lines = [
    ';; Got answer:',
    `;; ->>HEADER<<- opcode: ${OPCODES[header.opcode] ?? header.opcode}, status: ${status}, id: ${header.id}`,
    `;; flags: ${formatFlags(header)}; QUERY: ${header.qdcount}, ANSWER: ${header.ancount}, ` +
      `AUTHORITY: ${header.nscount}, ADDITIONAL: ${header.arcount}`,
  ]
  if (header.rd === 1 && header.ra === 0) lines.push(';; WARNING: recursion requested but not available')
  for (const error of packet.errors) lines.push(`;; WARNING: malformed: ${error.message}`)
  lines.push('')
  if (opt !== undefined) lines.push(';; OPT PSEUDOSECTION:', ...formatOpt(opt))
  if (questions.length > 0) lines.push(';; QUESTION SECTION:', ...questions.map(formatQuestion), '')
  const others = additionals.filter(record => record !== opt)
  for (const [title, records] of [
    ['ANSWER', answers],
    ['AUTHORITY', authorities],
    ['ADDITIONAL', others],
  ] as const) {
    if (records.length > 0) lines.push(`;; ${title} SECTION:`, ...records.map(formatRecord), '')
  }
  lines.push(
    `;; Query time: ${tookMs} msec`,
    `;; SERVER: ${server.address}#${server.port}(${server.host === '' ? 'localhost' : server.host}) (${transport})`,
    `;; MSG SIZE  rcvd: ${message.length}`,
  )
  return lines
}

function formatFlags(header: Packet['header']): string {
  // dns2 reads AD and CD (RFC 4035 section 3.2), its types leave them out.
  const bits = header as typeof header & { ad: number; cd: number }
  return (['qr', 'aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const).filter(flag => bits[flag] === 1).join(' ')
}

function formatOpt(opt: Resource): string[] {
  const flags = opt.doFlag === true ? ' do' : ''
  const lines = [`; EDNS: version: ${opt.version}, flags:${flags}; udp: ${opt.class}`]
  for (const option of opt.rdata ?? []) {
    if (option.ednsCode !== Packet.EDNS_OPTION_CODE.EDE) continue
    const { infoCode, extraText } = option as ReturnType<typeof Packet.Resource.EDNS.EDE>
    const text = extraText === '' ? '' : `: (${extraText})`
    lines.push(`; EDE: ${infoCode} (${Packet.EDE_NAME[infoCode] ?? 'unknown'})${text}`)
  }
  return lines
}

function formatQuestion({ name, type, class: qclass }: Question): string {
  return ';' + alignColumns(formatOwner(name), [32, formatClass(qclass)], [40, formatTypeName(type)])
}

function formatRecord(record: Resource): string {
  return alignColumns(
    formatOwner(record.name),
    [24, String(record.ttl)],
    [32, formatClass(record.class)],
    [40, formatTypeName(record.type)],
    [48, formatRdata(record)],
  )
}

/** Puts each field at its column, a multiple of 8, or one behind what is there already; over a tab stop goes a tab. */
function alignColumns(first: string, ...fields: [column: number, text: string][]): string {
  let line = first
  let width = first.length
  for (const [column, text] of fields) {
    const at = Math.max(column, width + 1)
    const tabs = Math.floor(at / 8) - Math.floor(width / 8)
    line += (tabs > 0 ? '\t'.repeat(tabs) : ' ') + text
    width = at + text.length
  }
  return line
}

/** The data of a record; what has no presentation here as RFC 3597 section 5 writes it. */
export function formatRdata(record: Resource): string {
  switch (record.type) {
    case Type.A:
      return `${record.address}`
    case Type.AAAA:
      return formatIpv6(record.address ?? '')
    case Type.NS:
      return formatOwner(record.ns)
    case Type.CNAME:
    case Type.PTR:
      return formatOwner(record.domain)
    case Type.MX:
      return `${record.priority} ${formatOwner(record.exchange)}`
    case Type.SRV:
      return `${record.priority} ${record.weight} ${record.port} ${formatOwner(record.target)}`
    case Type.SOA:
      return formatSoa(record)
    case Type.CAA:
      return `${record.flags} ${record.tag} ${quote(Buffer.from(record.value ?? ''))}`
    case Type.DNSKEY:
      return `${record.flags} ${record.protocol} ${record.algorithm} ${record.key}`
    case Type.RRSIG:
      return formatRrsig(record)
    case Type.HINFO:
      return formatStrings(record.data)
    case Type.TXT:
    case Packet.TYPE.SPF:
      return [record.data ?? []]
        .flat()
        .map(text => quote(Buffer.from(text)))
        .join(' ')
    default:
      return formatUnknown(record.data)
  }
}

function formatIpv6(text: string): string {
  const octets = parseAddress(text)
  return octets === undefined ? text : formatAddress(octets)
}

function formatSoa(record: Resource): string {
  const { primary, admin, serial, refresh, retry, expiration, minimum } = record
  return `${formatOwner(primary)} ${formatOwner(admin)} ${serial} ${refresh} ${retry} ${expiration} ${minimum}`
}

function formatRrsig(record: Resource): string {
  const { sigType = 0, algorithm, labels, originalTtl, expiration, inception, keyTag, signer, signature } = record
  const times = `${expiration} ${inception}`
  return `${formatTypeName(sigType)} ${algorithm} ${labels} ${originalTtl} ${times} ${keyTag} ${formatOwner(signer)} ${signature}`
}

/** Character strings (RFC 1035 section 3.3) one behind the other, of a type that dns2 leaves as it is. */
function formatStrings(data: Resource['data']): string {
  if (!Buffer.isBuffer(data)) return ''
  const strings: string[] = []
  for (let at = 0; at < data.length; at += data[at] + 1) {
    if (at + data[at] >= data.length) return formatUnknown(data)
    strings.push(quote(data.subarray(at + 1, at + 1 + data[at])))
  }
  return strings.join(' ')
}

function formatUnknown(data: Resource['data']): string {
  if (!Buffer.isBuffer(data)) return '\\# 0'
  return `\\# ${data.length} ${data.toString('hex').toUpperCase()}`.trimEnd()
}

/** A character string in quotes (RFC 1035 section 5.1). */
function quote(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) {
    const char = String.fromCharCode(octet)
    if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`
    else text += char === '"' || char === '\\' ? `\\${char}` : char
  }
  return `"${text}"`
}

/** A name as dns2 gives it, labels of Latin-1 joined with dots, in presentation form. */
function formatOwner(name = ''): string {
  const labels = name.split('.').filter(Boolean)
  return formatName(Buffer.concat([...labels.map(encodeLabel), Buffer.alloc(1)]))
}

function encodeLabel(label: string): Buffer {
  return Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')])
}

/** Of the types that dns2 knows and kubezone does not, dns2's name. */
function formatTypeName(type: number): string {
  const name = formatType(type)
  return name.startsWith('TYPE') ? Packet.typeName(type) : name
}
