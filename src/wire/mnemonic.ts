// What people write for numbers of the protocol: record types, classes and response codes of IANA's registry.

import { Class } from './constants.ts'

/** Types in the order of their numbers (miekg/dns ztypes.go), each run of consecutive ones after its first number. */
const TYPES: readonly (readonly [first: number, names: string])[] = [
  [1, 'A NS MD MF CNAME SOA MB MG MR NULL'],
  [12, 'PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT'],
  [23, 'NSAP-PTR SIG KEY PX GPOS AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT'],
  [39, 'DNAME'],
  [41, 'OPT APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID NSEC3 NSEC3PARAM TLSA SMIMEA'],
  [55, 'HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS'],
  [99, 'SPF UINFO UID GID UNSPEC NID L32 L64 LP EUI48 EUI64'],
  [128, 'NXNAME'],
  [249, 'TKEY TSIG IXFR AXFR MAILB MAILA ANY URI CAA AVC'],
  [260, 'AMTRELAY RESINFO'],
  [32768, 'TA DLV'],
]

/** RFC 6895 section 2.3. */
const RCODES: readonly (readonly [first: number, names: string])[] = [
  [0, 'NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE'],
  [16, 'BADVERS BADKEY BADTIME BADMODE BADNAME BADALG BADTRUNC BADCOOKIE'],
  [16, 'BADSIG'],
  [4, 'NOTIMPL'],
]

const typeNumbers = number(TYPES)
const rcodeNumbers = number(RCODES)
const classNumbers = new Map<string, number>(Object.entries(Class))

/** `A`, `srv`, `TYPE65280` (RFC 3597 section 5); undefined for what is no type. */
export function parseType(text: string): number | undefined {
  return typeNumbers.get(text.toUpperCase()) ?? parseGeneric(text, /^TYPE(\d{1,5})$/i)
}

/** `IN`, `ch`, `CLASS42` (RFC 3597 section 5); undefined for what is no class. */
export function parseClass(text: string): number | undefined {
  return classNumbers.get(text.toUpperCase()) ?? parseGeneric(text, /^CLASS(\d{1,5})$/i)
}

/** `NXDOMAIN`, `servfail`, or a number from 0 to 23; undefined for what is no response code. */
export function parseRcode(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return rcodeNumbers.get(text.toUpperCase())
  return Number(text) <= MAX_RCODE ? Number(text) : undefined
}

/** The highest that is assigned (RFC 7873: BADCOOKIE). */
const MAX_RCODE = 23

function parseGeneric(text: string, pattern: RegExp): number | undefined {
  const value = Number(pattern.exec(text)?.[1] ?? Number.NaN)
  return value <= 0xffff ? value : undefined
}

function number(runs: readonly (readonly [first: number, names: string])[]): Map<string, number> {
  return new Map(
    runs.flatMap(([first, names]) => names.split(' ').map((name, i): [string, number] => [name, first + i])),
  )
}
