// What every name of a Service, an endpoint or a Pod comes down to: addresses with ports, behind a host name. From a list of such items
// follow the name's A, AAAA and SRV records, in CoreDNS's way (plugin/backend_lookup.go).

import { Type } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { type AdditionalRecord, type Rrset, addressType, encodeSrv } from '../wire/rrset.ts'

export interface Item {
  /** 4 or 16 octets. */
  readonly address: Uint8Array
  /** NO_PORT where none is declared: there is an address then, but no SRV. */
  readonly port: number
  /** Target of the SRV record; undefined where the endpoint has no name that DNS could hold. */
  readonly host: WireName | undefined
}

export const NO_PORT = -1

/** One name with all that it holds. */
export interface OwnerRecords {
  readonly owner: WireName
  readonly rrsets: readonly Rrset[]
  /** There are records to come, here and below: nobody knows yet which. */
  readonly isAwaited?: boolean
  /** Its records are not written down: they follow from its first label, an address with dashes. */
  readonly isComputed?: boolean
  /** Whether those of the same name hold the same, as far as that is seen without making them. */
  isSame?(other: OwnerRecords): boolean
}

/** Whether the same records follow from both. */
export const isSameItem = (a: Item, b: Item): boolean =>
  a.port === b.port && isSameOctets(a.address, b.address) && isSameOctets(a.host, b.host)

function isSameOctets(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true
  if (a?.length !== b?.length) return false
  for (let i = 0; i < a!.length; i++) if (a![i] !== b![i]) return false
  return true
}

/** The record sets of a name that stands for these items. */
export function itemRecords(items: readonly Item[], ttlSeconds: number): Rrset[] {
  const addresses = distinct(items.map(({ address }) => address))
  const rrsets: Rrset[] = []
  for (const type of [Type.A, Type.AAAA]) {
    const rdata = addresses.filter(address => addressType(address) === type)
    if (rdata.length > 0) rrsets.push({ type, ttlSeconds, rdata })
  }
  const srv = srvRecords(items, ttlSeconds)
  if (srv.rdata.length > 0) rrsets.push(srv)
  return rrsets
}

/** Each once: a set has no record twice (RFC 2181 section 5). */
export const distinct = (rdata: readonly Uint8Array[]): readonly Uint8Array[] => unlike(rdata, isSameOctets, octetsKey)

/** More than so many values are told apart by keys; fewer are compared with each other sooner than keys are made. */
const FEW = 8

/** The first of each that are the same. */
function unlike<T>(values: readonly T[], isSame: (a: T, b: T) => boolean, keyOf: (value: T) => string): readonly T[] {
  if (values.length > FEW) return [...new Map(values.map(value => [keyOf(value), value])).values()]
  const isFirst = (value: T, i: number): boolean => {
    for (let other = 0; other < i; other++) if (isSame(values[other], value)) return false
    return true
  }
  return values.every(isFirst) ? values : values.filter(isFirst)
}

function srvRecords(items: readonly Item[], ttlSeconds: number): Rrset {
  // CoreDNS counts every item, those without a port and those that are the same service on another family too: a dual-stack Service with
  // one port has one SRV of weight 50. Its arithmetic is kept as it is, in floating point.
  const weight = Math.max(1, Math.floor((100 / (100 * items.length)) * 100))
  const rdata: Uint8Array[] = []
  const additional: AdditionalRecord[] = []
  for (const { address, port, host } of items) {
    if (port === NO_PORT || !host) continue
    rdata.push(encodeSrv(0, weight, port, host))
    additional.push({ owner: host, type: addressType(address), ttlSeconds, rdata: address })
  }
  return { type: Type.SRV, ttlSeconds, rdata: distinct(rdata), additional: unlike(additional, isSameRecord, recordKey) }
}

const isSameRecord = (a: AdditionalRecord, b: AdditionalRecord): boolean =>
  isSameOctets(a.rdata, b.rdata) && isSameOctets(a.owner, b.owner)

const recordKey = ({ owner, rdata }: AdditionalRecord): string => `${octetsKey(owner)}:${octetsKey(rdata)}`

/** Octets as a map key. */
export const octetsKey = (octets: Uint8Array): string =>
  octets.length === 4
    ? String.fromCharCode(octets[0], octets[1], octets[2], octets[3])
    : Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('latin1')

/** The octets of such a key. */
export function keyOctets(key: string): Uint8Array {
  const octets = new Uint8Array(key.length)
  for (let i = 0; i < octets.length; i++) octets[i] = key.charCodeAt(i)
  return octets
}
