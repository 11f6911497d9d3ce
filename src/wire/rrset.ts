// Record sets on their way into a zone: rdata already in wire form, the owner beside them.

import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH, Type } from './constants.ts'
import type { WireName } from './name.ts'

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
    if (label.length > MAX_LABEL_LENGTH || !LABEL.test(label)) return undefined
    length += label.length + 1
  }
  if (length > MAX_NAME_LENGTH) return undefined
  const name = new Uint8Array(length)
  let at = 0
  for (const label of labels) {
    name[at++] = label.length
    for (let i = 0; i < label.length; i++) {
      const code = label.charCodeAt(i)
      name[at++] = code >= 0x41 && code <= 0x5a ? code | 0x20 : code
    }
  }
  name.set(origin, at)
  return name
}

const LABEL = /^[A-Za-z0-9_-]+$/

/** SRV rdata (RFC 2782); the target is not compressed. */
export function encodeSrv(priority: number, weight: number, port: number, target: WireName): Uint8Array {
  const rdata = new Uint8Array(6 + target.length)
  const head = [priority, weight, port]
  for (let i = 0; i < head.length; i++) {
    rdata[2 * i] = head[i] >> 8
    rdata[2 * i + 1] = head[i]
  }
  rdata.set(target, 6)
  return rdata
}

/** TXT rdata of one character-string of at most 255 octets (RFC 1035 section 3.3.14). */
export function encodeTxt(text: string): Uint8Array {
  const octets = Buffer.from(text, 'utf8')
  return Uint8Array.of(octets.length, ...octets)
}
