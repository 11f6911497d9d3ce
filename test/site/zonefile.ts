// Answers as lines of a zone file, from the octets of a message: shares nothing with src/wire.

import type { DecodedRecord, Message } from '../server/message.ts'

export const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
}
export const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']

const typeName = (type: number): string =>
  Object.entries(TYPES).find(([, value]) => value === type)?.[0] ?? `TYPE${type}`

/** What the tables compare: sections as sorted lines `owner TTL IN TYPE rdata`. */
export interface Answer {
  rcode: string
  aa: boolean
  tc: boolean
  answer: string[]
  ns: string[]
  extra: string[]
}

export function describe(message: Message, bytes: Buffer): Answer {
  const lines = (records: DecodedRecord[]): string[] => records.map(record => formatRecord(record, bytes)).sort()
  return {
    rcode: RCODES[message.rcode] ?? `RCODE${message.rcode}`,
    aa: message.aa,
    tc: message.tc,
    answer: lines(message.answers),
    ns: lines(message.authorities),
    extra: lines(message.additionals),
  }
}

export function formatRecord({ owner, type, ttl, rdata }: DecodedRecord, bytes: Buffer): string {
  return `${owner} ${ttl} IN ${typeName(type)} ${formatRdata(type, rdata, bytes)}`
}

function formatRdata(type: number, rdata: Buffer, bytes: Buffer): string {
  const at = rdata.byteOffset - bytes.byteOffset
  switch (typeName(type)) {
    case 'A':
      return [...rdata].join('.')
    case 'AAAA':
      return shorten(rdata)
    case 'SRV':
      return `${rdata.readUInt16BE(0)} ${rdata.readUInt16BE(2)} ${rdata.readUInt16BE(4)} ${readName(bytes, at + 6)[0]}`
    case 'TXT':
      return JSON.stringify(rdata.toString('latin1', 1))
    case 'SOA': {
      const [mname, next] = readName(bytes, at)
      const [rname, end] = readName(bytes, next)
      const numbers = [0, 4, 8, 12, 16].map(offset => bytes.readUInt32BE(end + offset))
      return `${mname} ${rname} * ${numbers.slice(1).join(' ')}`
    }
    default:
      return readName(bytes, at)[0]
  }
}

/** Through URL, which writes IPv6 as RFC 5952 has it. */
function shorten(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(i * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function readName(bytes: Buffer, from: number): [name: string, end: number] {
  let text = ''
  let at = from
  let end = -1
  for (let hops = 0; hops < 10; ) {
    const length = bytes[at]
    if (length === 0) return [text === '' ? '.' : text, end < 0 ? at + 1 : end]
    if (length >= 0xc0) {
      if (end < 0) end = at + 2
      at = bytes.readUInt16BE(at) & 0x3fff
      hops++
    } else {
      text += `${bytes.toString('latin1', at + 1, at + 1 + length)}.`
      at += length + 1
    }
  }
  throw new Error('pointer loop')
}
