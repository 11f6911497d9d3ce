// The names of a Service: the Kubernetes DNS specification 1.1.0, sections 2.3 to 2.5, with the additions of CoreDNS that clients have come
// to depend on (SRV at the bare name, addresses at `_port._protocol` names, endpoint names below Services that are not headless).

import type { SlimEndpointSlice, SlimService } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import { Type } from '../wire/constants.ts'
import { type WireName, parseName } from '../wire/name.ts'
import { type Rrset, joinName } from '../wire/rrset.ts'
import { type EndpointItem, endpointItems, portLabels } from './endpoint.ts'
import { type Item, NO_PORT, type OwnerRecords, isSameItem, itemRecords } from './item.ts'
import type { RecordOptions } from './options.ts'

/** `service.namespace.svc.<origin>`; undefined where one of the names is no label. */
export const serviceName = (service: string, namespace: string, origin: WireName): WireName | undefined =>
  joinName([service, namespace, 'svc'], origin)

/**
 * All names of a Service below `origin`. Empty while it has nothing to answer with: a headless Service without ready endpoints does not
 * exist (specification, section 2.4.1), nor does one that waits for its address. One whose slices have not been heard of is there: a
 * resolver would remember that it is not (RFC 2308 section 5).
 */
export function serviceRecords(
  service: SlimService,
  slices: readonly SlimEndpointSlice[],
  origin: WireName,
  options: RecordOptions,
): OwnerRecords[] {
  const base = serviceName(service.name, service.namespace, origin)
  if (!base) return []
  if (service.type === 'ExternalName') return externalRecords(service, base, options)
  if (service.headless && service.hasSelector && options.slicesFollow && slices.length === 0) {
    return [{ owner: base, rrsets: [], isAwaited: true }]
  }
  const endpoints = options.noEndpoints ? [] : endpointItems(slices, base, options)
  if (!service.headless && options.ignoreEmptyService && endpoints.length === 0) return []

  const names = new NameItems(base)
  if (service.headless) addHeadless(names, endpoints)
  else addClusterIPs(names, service)
  if (!names.isEmpty) addHosts(names, endpoints)
  if (service.headless && options.zonal && !options.isMulticluster) addZones(names, endpoints)
  return names.encode(options.ttlSeconds)
}

/** Its sets are made when they are asked for: what a name had before, and what has not changed, nobody asks for. */
class ItemRecords implements OwnerRecords {
  readonly owner: WireName
  readonly #items: readonly Item[]
  readonly #ttlSeconds: number
  readonly #twin: ItemRecords | undefined
  #rrsets: readonly Rrset[] | undefined

  /** `other` may have the same items, and then has the same sets. */
  constructor(owner: WireName, items: readonly Item[], ttlSeconds: number, other: ItemRecords | undefined) {
    this.owner = owner
    this.#items = items
    this.#ttlSeconds = ttlSeconds
    this.#twin = other !== undefined && other.#isOf(items) ? other : undefined
  }

  get rrsets(): readonly Rrset[] {
    return (this.#rrsets ??= this.#twin?.rrsets ?? itemRecords(this.#items, this.#ttlSeconds))
  }

  #isOf(items: readonly Item[]): boolean {
    return this.#items.length === items.length && this.#items.every((item, i) => item === items[i])
  }

  isSame(other: OwnerRecords): boolean {
    if (!(other instanceof ItemRecords) || other.#items.length !== this.#items.length) return false
    return other.#ttlSeconds === this.#ttlSeconds && this.#items.every((item, i) => isSameItem(item, other.#items[i]))
  }
}

/** Items by the labels that stand in front of the Service's name. */
export class NameItems<I extends Item = Item> {
  readonly base: WireName
  readonly #items = new Map<string, { readonly owner: WireName | undefined; readonly items: I[] }>()

  constructor(base: WireName) {
    this.base = base
  }

  get isEmpty(): boolean {
    return this.#items.size === 0
  }

  /** Whether the name with this label in front is there. */
  has(label: string): boolean {
    return this.#items.has(label.toLowerCase())
  }

  /** Without an item, the name is there all the same. `owner` is what the labels make, where that is known. */
  add(labels: readonly string[], item?: I, owner?: WireName): void {
    const items = this.at(labels, owner)
    if (item) items.push(item)
  }

  /** The items of a name, for more of them. */
  at(labels: readonly string[], owner?: WireName): I[] {
    // Two spellings of a label are one name.
    const key = (labels.length === 1 ? labels[0] : labels.join('.')).toLowerCase()
    const known = this.#items.get(key)
    if (known) return known.items
    const items: I[] = []
    owner ??= labels.length === 0 ? this.base : joinName(labels, this.base)
    this.#items.set(key, { owner, items })
    return items
  }

  /** Without those that would be too long. */
  list(): { readonly owner: WireName; readonly items: readonly I[] }[] {
    const list: { owner: WireName; items: readonly I[] }[] = []
    for (const { owner, items } of this.#items.values()) if (owner) list.push({ owner, items })
    return list
  }

  encode(ttlSeconds: number): OwnerRecords[] {
    let first: ItemRecords | undefined
    return this.list().map(({ owner, items }) => {
      const records = new ItemRecords(owner, items, ttlSeconds, first)
      first ??= records
      return records
    })
  }
}

function addClusterIPs(names: NameItems, service: SlimService): void {
  const addresses = service.clusterIPs.map(parseAddress).filter(address => address !== undefined)
  const ports = service.ports.length > 0 ? service.ports : [{ name: '', port: NO_PORT, protocol: '' }]
  for (const { name, port, protocol } of ports) {
    for (const address of addresses) {
      const item = { address, port, host: names.base }
      names.add([], item)
      if (name !== '') names.add(portLabels(name, protocol), item)
    }
  }
}

/** The name of a headless Service, and those of its ports. */
export function addHeadless(names: NameItems, endpoints: readonly EndpointItem[]): void {
  if (endpoints.length === 0) return
  const all = names.at([])
  const ofPorts = new Map<readonly string[], Item[]>()
  for (const item of endpoints) {
    all.push(item)
    const { portLabels } = item
    if (!portLabels) continue
    let ofPort = ofPorts.get(portLabels)
    if (!ofPort) ofPorts.set(portLabels, (ofPort = names.at(portLabels)))
    ofPort.push(item)
  }
}

/** The names of endpoints. */
export function addHosts(names: NameItems, endpoints: readonly EndpointItem[]): void {
  for (const item of endpoints) if (item.host) names.add(item.labels, item, item.host)
}

/**
 * Names that a client chooses the endpoints of a topology zone by, `ZONE.pin._zone` and `ZONE.prefer._zone`, as CoreDNS has them from 1.14.7
 * on. Those of `pin` lie here, where there are endpoints; the query side makes the others from them. `pin` and `prefer` themselves are always
 * there: a zone that has no endpoint any more is an empty name, not a missing one.
 */
function addZones(names: NameItems, endpoints: readonly EndpointItem[]): void {
  names.add(['pin', '_zone'])
  names.add(['prefer', '_zone'])
  // The value of a zone may have dots.
  for (const item of endpoints) if (item.zone !== '') names.add([...item.zone.split('.'), 'pin', '_zone'], item)
}

/** A CNAME; an address in the place of a name makes no record, as in CoreDNS. */
function externalRecords(service: SlimService, owner: WireName, { ttlSeconds }: RecordOptions): OwnerRecords[] {
  const target = parseAddress(service.externalName) ? undefined : parseName(service.externalName)
  if (!target || target.length === 1) return []
  return [{ owner, rrsets: [{ type: Type.CNAME, ttlSeconds, rdata: [target] }] }]
}
