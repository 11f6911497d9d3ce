// Record sets on their way into a zone: rdata already in wire form, the owner beside them.

import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH, Type } from './constants.ts'
import { type WireName, lowerOctet } from './name.ts'
import { write16 } from './reply.ts'

/** Records of one type at one name (RFC 2181 section 5): one TTL, no two rdata alike. */
export interface Rrset {
  readonly type: number
  readonly ttlSeconds: number
  readonly rdata: readonly Uint8Array[]
  /** Goes into the additional section of an answer with this set: addresses of the names in its rdata (RFC 2782, RFC 1035 section 3.3.11). */
  readonly additional?: readonly AdditionalRecord[]
}

export interface AdditionalRecord {
  /** Lower case. */
  readonly owner: WireName
  readonly type: number
  readonly ttlSeconds: number
  readonly rdata: Uint8Array
}

/** The record type that holds an address of 4 or 16 octets. */
export const addressType = (address: Uint8Array): number => (address.length === 4 ? Type.A : Type.AAAA)

/**
 * `labels`, folded to lower case, in front of `origin`. Returns undefined where that is no name: an empty label, one over 63 octets, an
 * octet that no Kubernetes name has, more than 255 octets in all.
 */
export function joinName(labels: readonly string[], origin: WireName): WireName | undefined {
  let length = origin.length
  for (const label of labels) {
    if (label.length === 0 || label.length > MAX_LABEL_LENGTH) return undefined
    length += label.length + 1
  }
  if (length > MAX_NAME_LENGTH) return undefined
  const name = allot(length)
  let at = 0
  for (const label of labels) {
    name[at++] = label.length
    for (let i = 0; i < label.length; i++) {
      const code = label.charCodeAt(i)
      const octet = code < FOLDED.length ? FOLDED[code] : 0
      if (octet === 0) return undefined
      name[at++] = octet
    }
  }
  for (let i = 0; i < origin.length; i++) name[at + i] = origin[i]
  return name
}

/** Each octet that a label of Kubernetes may have, in lower case; 0 for all others. */
const FOLDED = new Uint8Array(128)
for (const octet of Buffer.from('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-')) {
  FOLDED[octet] = lowerOctet(octet)
}

const POOL_BYTES = 16 << 10
let pool = new ArrayBuffer(POOL_BYTES)
let allotted = 0

/** Octets that share their memory with others, as Buffer.allocUnsafe has them: an array of more than 64 octets is ten times as dear alone. */
function allot(length: number): Uint8Array {
  if (allotted + length > POOL_BYTES) {
    pool = new ArrayBuffer(POOL_BYTES)
    allotted = 0
  }
  const octets = new Uint8Array(pool, allotted, length)
  allotted += length
  return octets
}

/** SRV rdata (RFC 2782); the target is not compressed. */
export function encodeSrv(priority: number, weight: number, port: number, target: WireName): Uint8Array {
  const rdata = allot(6 + target.length)
  write16(rdata, 0, priority)
  write16(rdata, 2, weight)
  write16(rdata, 4, port)
  for (let i = 0; i < target.length; i++) rdata[6 + i] = target[i]
  return rdata
}

/** TXT rdata of one character-string of at most 255 octets (RFC 1035 section 3.3.14). */
export function encodeTxt(text: string): Uint8Array {
  const octets = Buffer.from(text, 'utf8')
  return Uint8Array.of(octets.length, ...octets)
}
