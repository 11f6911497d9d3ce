// Numbers of the DNS protocol, by the names that IANA's registry gives them.

/** Resource record types (RFC 1035 section 3.2.2 and later). */
export const Type = {
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
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  NSEC3: 50,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const

/** Classes (RFC 1035 section 3.2.4). */
export const Class = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 } as const

/** Info codes of extended errors that several plugins tell (RFC 8914 sections 4.4 and 4.15). */
export const ExtendedError = { StaleAnswer: 3, NotReady: 14 } as const

/** Response codes (RFC 6895 section 2.3); above 15 the upper bits travel in OPT (RFC 6891 section 6.1.3). */
export const Rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const
export type Rcode = number

/** Operation codes (RFC 1035 section 4.1.1, RFC 1996, RFC 2136). */
export const Opcode = { QUERY: 0, IQUERY: 1, STATUS: 2, NOTIFY: 4, UPDATE: 5 } as const

/** Bits of the second 16-bit word of a header (RFC 1035 section 4.1.1). */
export const Flag = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const

/** What a question that goes on under another name keeps of its flags: opcode, RD, AD and CD. */
export const FLAG_MASK_COPIED = 0x7800 | Flag.RD | Flag.AD | Flag.CD

/** Octets of a header (RFC 1035 section 4.1.1); a question's name begins here. */
export const HEADER_LENGTH = 12
/** A name in wire form, root included (RFC 1035 section 2.3.4). */
export const MAX_NAME_LENGTH = 255
/** One label (RFC 1035 section 2.3.4). */
export const MAX_LABEL_LENGTH = 63
/** A UDP message without EDNS (RFC 1035 section 2.3.4). */
export const MIN_UDP_SIZE = 512
/** What one UDP datagram can carry over IPv4: 65,535 less the headers of IP (RFC 791) and UDP (RFC 768). */
export const MAX_UDP_SIZE = 65_507
/** A message over TCP: its length is 16 bits (RFC 1035 section 4.2.2). */
export const MAX_MESSAGE_SIZE = 65_535
/** OPT without options: root, type, class, TTL, RDLENGTH (RFC 6891 section 6.1.2). */
export const OPT_LENGTH = 11
/** A pointer to the question's name, as the owner of a record (RFC 1035 section 4.1.4). */
export const QUESTION_POINTER = 0xc000 | HEADER_LENGTH

// What IANA's registries name besides, and nothing here needs a constant for: names with their numbers.
const OTHER_TYPES =
  'MD 3 MF 4 MB 7 MG 8 MR 9 NULL 10 MINFO 14 RP 17 AFSDB 18 X25 19 ISDN 20 RT 21 NSAP-PTR 23 SIG 24 KEY 25 PX 26 GPOS 27 LOC 29 NXT 30 ' +
  'EID 31 NIMLOC 32 ATMA 34 KX 36 CERT 37 DNAME 39 APL 42 SSHFP 44 IPSECKEY 45 DHCID 49 NSEC3PARAM 51 TLSA 52 SMIMEA 53 HIP 55 ' +
  'NINFO 56 RKEY 57 TALINK 58 CDS 59 CDNSKEY 60 OPENPGPKEY 61 CSYNC 62 ZONEMD 63 SPF 99 UINFO 100 UID 101 GID 102 UNSPEC 103 NID 104 ' +
  'L32 105 L64 106 LP 107 EUI48 108 EUI64 109 NXNAME 128 TKEY 249 TSIG 250 MAILB 253 MAILA 254 URI 256 AVC 258 AMTRELAY 260 ' +
  'RESINFO 261 TA 32768 DLV 32769'
const OTHER_CLASSES = 'CS 2'
const OTHER_RCODES =
  'YXDOMAIN 6 YXRRSET 7 NXRRSET 8 NOTAUTH 9 NOTZONE 10 DSOTYPENI 11 BADSIG 16 BADKEY 17 BADTIME 18 BADMODE 19 BADNAME 20 BADALG 21 ' +
  'BADTRUNC 22 BADCOOKIE 23'

const types = readNames(Type, OTHER_TYPES)
const classes = readNames(Class, OTHER_CLASSES)
const rcodes = readNames(Rcode, OTHER_RCODES)
const typeNames = invert(types)
const classNames = invert(classes)
const rcodeNames = invert(rcodes)

/** `A`, `SRV`, …; `TYPE65280` for what has no name here (RFC 3597 section 5). */
export const formatType = (type: number): string => typeNames.get(type) ?? `TYPE${type}`
/** `IN`, `CH`, …; `CLASS42` for what has no name here (RFC 3597 section 5). */
export const formatClass = (value: number): string => classNames.get(value) ?? `CLASS${value}`
/** `NOERROR`, `NXDOMAIN`, …; `RCODE9` for what has no name here. */
export const formatRcode = (rcode: number): string => rcodeNames.get(rcode) ?? `RCODE${rcode}`

/** The number of a type, in upper case or as `TYPE65280`; undefined for what is none. So with the two below. */
export const parseType = (text: string): number | undefined => types.get(text) ?? parseUnknown('TYPE', text)
export const parseClass = (text: string): number | undefined => classes.get(text) ?? parseUnknown('CLASS', text)
export const parseRcode = (text: string): number | undefined => rcodes.get(text)

function readNames(named: Readonly<Record<string, number>>, others: string): Map<string, number> {
  const words = others.split(' ')
  const numbers = new Map(Object.entries(named))
  for (let i = 0; i < words.length; i += 2) numbers.set(words[i], Number(words[i + 1]))
  return numbers
}

/** The first name of a number is the one that is written. */
function invert(numbers: Map<string, number>): Map<number, string> {
  const names = new Map<number, string>()
  for (const [name, value] of numbers) if (!names.has(value)) names.set(value, name)
  return names
}

function parseUnknown(prefix: string, text: string): number | undefined {
  if (!text.startsWith(prefix) || !/^\d{1,5}$/.test(text.slice(prefix.length))) return undefined
  const value = Number(text.slice(prefix.length))
  return value <= 0xffff ? value : undefined
}
