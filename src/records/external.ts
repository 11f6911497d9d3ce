// The names by which Services are reached from outside of the cluster (`k8s_external`), in zones of their own: `service.namespace.<zone>` and what
// is below it, by the addresses that a Service has outside. CoreDNS plugin/kubernetes/external.go, plugin/k8s_external.

import type { SlimEndpointSlice, SlimService } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import { Type } from '../wire/constants.ts'
import { type WireName, parseName } from '../wire/name.ts'
import { type Rrset, addressType, encodeSrv, joinName } from '../wire/rrset.ts'
import type { FrontService } from './apex.ts'
import { endpointItems, portLabels } from './endpoint.ts'
import { NO_PORT, type OwnerRecords, distinct, itemRecords } from './item.ts'
import { NameItems, addHeadless, addHosts } from './service.ts'

export interface ExternalRecordOptions {
  readonly ttlSeconds: number
  /** The label below which the zone has the names of its name servers. A namespace of that name is not there. */
  readonly apex: string
  /** Headless Services are there by their endpoints. */
  readonly headless: boolean
  /** As `RecordOptions.endpointPodNames`. */
  readonly endpointPodNames: boolean
}

/** By which addresses a Service is reached from outside: its external IPs, then those of its load balancer. */
export function externalAddresses({ externalIPs, loadBalancerIngress }: SlimService): Uint8Array[] {
  const texts = [...externalIPs, ...loadBalancerIngress.map(({ ip }) => ip)]
  return texts.map(parseAddress).filter(address => address !== undefined)
}

/** The names of its load balancer, where that has names in place of addresses. */
function externalHosts({ loadBalancerIngress }: SlimService): WireName[] {
  const hosts = loadBalancerIngress.flatMap(({ ip, hostname }) => (ip === '' ? [parseName(hostname)] : []))
  return hosts.filter(host => host !== undefined)
}

/** All names of a Service below `origin`; none while nothing reaches it from outside. */
export function externalServiceRecords(
  service: SlimService,
  slices: readonly SlimEndpointSlice[],
  origin: WireName,
  options: ExternalRecordOptions,
): OwnerRecords[] {
  const base = service.namespace === options.apex ? undefined : joinName([service.name, service.namespace], origin)
  if (!base) return []
  const addresses = externalAddresses(service)
  const hosts = externalHosts(service)
  // Beside addresses, a CNAME could not be (RFC 1034 section 3.6.2).
  if (addresses.length === 0 && hosts.length > 0) return hostRecords(service, hosts, base, options)
  const names = new NameItems(base)
  if (addresses.length > 0) addPorts(names, service, addresses)
  else if (service.headless && options.headless) addEndpoints(names, slices, options)
  return names.encode(options.ttlSeconds)
}

/** A Service without ports still has addresses. */
const listPorts = ({ ports }: SlimService): SlimService['ports'] =>
  ports.length > 0 ? ports : [{ name: '', port: NO_PORT, protocol: '' }]

function addPorts(names: NameItems, service: SlimService, addresses: readonly Uint8Array[]): void {
  for (const { name, port, protocol } of listPorts(service)) {
    for (const address of addresses) {
      const item = { address, port, host: names.base }
      names.add([], item)
      if (name !== '') names.add(portLabels(name, protocol), item)
    }
  }
}

function addEndpoints(
  names: NameItems,
  slices: readonly SlimEndpointSlice[],
  { endpointPodNames }: ExternalRecordOptions,
): void {
  const endpoints = endpointItems(slices, names.base, { endpointPodNames, isMulticluster: false })
  addHeadless(names, endpoints)
  addHosts(names, endpoints)
}

/** A CNAME to the first, as a name has only one (RFC 2181 section 10.1); SRV to all, beside it, as in CoreDNS. */
function hostRecords(
  service: SlimService,
  hosts: readonly WireName[],
  base: WireName,
  { ttlSeconds }: ExternalRecordOptions,
): OwnerRecords[] {
  const ports = listPorts(service)
  const encode = (owner: WireName, wanted: typeof ports): OwnerRecords => {
    const weight = Math.max(1, Math.floor(100 / (hosts.length * wanted.length)))
    const targets = wanted.filter(({ port }) => port !== NO_PORT)
    const rdata = distinct(targets.flatMap(({ port }) => hosts.map(host => encodeSrv(0, weight, port, host))))
    const cname: Rrset = { type: Type.CNAME, ttlSeconds, rdata: [hosts[0]] }
    return { owner, rrsets: rdata.length > 0 ? [cname, { type: Type.SRV, ttlSeconds, rdata }] : [cname] }
  }
  const named = ports.filter(({ name }) => name !== '')
  return [
    encode(base, ports),
    ...named.flatMap(port => {
      const owner = joinName(portLabels(port.name, port.protocol), base)
      return owner ? [encode(owner, [port])] : []
    }),
  ]
}

/** The Services that an address reaches, by their names below `origin`. */
export function externalPointer(
  owner: WireName,
  services: readonly SlimService[],
  origin: WireName,
  { ttlSeconds, apex }: ExternalRecordOptions,
): OwnerRecords | undefined {
  const targets = services
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .filter(({ namespace }) => namespace !== apex)
    .map(({ name, namespace }) => joinName([name, namespace], origin))
    .filter(target => target !== undefined)
  const rdata = distinct(targets)
  return rdata.length > 0 ? { owner, rrsets: [{ type: Type.PTR, ttlSeconds, rdata }] } : undefined
}

/**
 * NS at the apex, `ns1.<apex label>.<origin>`, and the addresses of that: those that reach the Services in front of this server from outside;
 * without such Services its own.
 */
export function externalNameServerRecords(
  origin: WireName,
  front: readonly FrontService[],
  localAddresses: readonly Uint8Array[],
  options: ExternalRecordOptions,
): OwnerRecords[] {
  const { ttlSeconds } = options
  const host = joinName(['ns1', options.apex], origin)
  if (!host) return []
  const found = front.length > 0 ? front.flatMap(each => frontAddresses(each, host, options)) : localAddresses
  const addresses = distinct(found)
  const additional = addresses.map(rdata => ({ owner: host, type: addressType(rdata), ttlSeconds, rdata }))
  const items = addresses.map(address => ({ address, port: NO_PORT, host: undefined }))
  return [
    { owner: origin, rrsets: [{ type: Type.NS, ttlSeconds, rdata: [host], additional }] },
    { owner: host, rrsets: itemRecords(items, ttlSeconds) },
  ]
}

function frontAddresses(
  { service, slices }: FrontService,
  host: WireName,
  { headless, endpointPodNames }: ExternalRecordOptions,
): Uint8Array[] {
  if (!headless || !service.headless) return externalAddresses(service)
  return endpointItems(slices, host, { endpointPodNames, isMulticluster: false }).map(({ address }) => address)
}
