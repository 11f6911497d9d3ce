// The names that a zone has of itself: its name servers, and `dns-version` (specification, section 2.2).

import type { SlimEndpointSlice, SlimService } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import { Type } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { addressType, encodeTxt, joinName } from '../wire/rrset.ts'
import { endpointItems } from './endpoint.ts'
import { type OwnerRecords, itemRecords, octetsKey } from './item.ts'
import type { RecordOptions } from './options.ts'
import { serviceName } from './service.ts'

/** The version of the Kubernetes DNS specification that the zone follows. */
const SPECIFICATION_VERSION = '1.1.0'
const VERSION_TTL_SECONDS = 28_800

export function versionRecords(origin: WireName): OwnerRecords {
  const rdata = [encodeTxt(SPECIFICATION_VERSION)]
  return {
    owner: joinName(['dns-version'], origin)!,
    rrsets: [{ type: Type.TXT, ttlSeconds: VERSION_TTL_SECONDS, rdata }],
  }
}

/** A Service that has the server among its endpoints, with the slices that say so. */
export interface FrontService {
  readonly service: SlimService
  readonly slices: readonly SlimEndpointSlice[]
}

interface NameServer {
  readonly host: WireName
  readonly address: Uint8Array
}

/**
 * NS at the apex with its addresses, and `ns.dns.<origin>`. The server is known by the Services in front of it (their cluster IPs, or the
 * endpoints where they are headless); without any it is `ns.dns.<origin>` at its own addresses. CoreDNS nsAddrs.
 */
export function nameServerRecords(
  origin: WireName,
  front: readonly FrontService[],
  localAddresses: readonly Uint8Array[],
  options: RecordOptions,
): OwnerRecords[] {
  const own = joinName(['ns', 'dns'], origin)
  if (!own) return []
  let servers = front.flatMap(({ service, slices }) => frontServers(service, slices, origin, options))
  if (servers.length === 0) servers = localAddresses.map(address => ({ host: own, address }))
  const { ttlSeconds } = options
  const hosts = new Map(servers.map(({ host }) => [octetsKey(host), host]))
  const glue = new Map(
    servers.map(({ host, address }) => [
      `${octetsKey(host)}:${octetsKey(address)}`,
      { owner: host, type: addressType(address), ttlSeconds, rdata: address },
    ]),
  )
  const ns = { type: Type.NS, ttlSeconds, rdata: [...hosts.values()], additional: [...glue.values()] }
  const addresses = servers.map(({ address }) => ({ address, port: -1, host: undefined }))
  return [
    { owner: origin, rrsets: hosts.size > 0 ? [ns] : [] },
    { owner: own, rrsets: itemRecords(addresses, ttlSeconds) },
  ]
}

function frontServers(
  service: SlimService,
  slices: readonly SlimEndpointSlice[],
  origin: WireName,
  options: RecordOptions,
): NameServer[] {
  const host = serviceName(service.name, service.namespace, origin)
  if (!host) return []
  if (!service.headless) {
    const addresses = service.clusterIPs.map(parseAddress).filter(address => address !== undefined)
    return addresses.map(address => ({ host, address }))
  }
  const items = endpointItems(slices, host, { ...options, isMulticluster: false })
  return items.flatMap(({ host, address }) => (host ? [{ host, address }] : []))
}
