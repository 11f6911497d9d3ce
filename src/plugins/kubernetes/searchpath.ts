// The search path of a Pod: `<its namespace>.svc.<zone> svc.<zone> <zone>` and what its node has (CoreDNS plugin/kubernetes/autopath.go).

import { type SearchPath, NO_SEARCH } from '../../server/searchpath.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { joinName } from '../../wire/rrset.ts'
import { NO_ZONE, Origins, labelsBefore } from '../../zones/origins.ts'
import { isCategory } from './category.ts'
import { ClientField, type Clients } from './clients.ts'

export class PodSearchPath implements SearchPath {
  rest: readonly WireName[] = []
  readonly #clients: Clients
  readonly #origins: Origins
  /** For each of the origins. */
  readonly #rests: readonly (readonly WireName[])[]

  /** `others` are the suffixes that follow those of the cluster. */
  constructor(clients: Clients, zones: readonly WireName[], others: readonly WireName[]) {
    this.#clients = clients
    this.#origins = new Origins(zones)
    const root = Uint8Array.of(0)
    this.#rests = this.#origins.names.map(zone => [joinName(['svc'], zone) ?? zone, zone, ...others, root])
  }

  match(query: Query): number {
    const zoneAt = this.#origins.match(query)
    if (zoneAt === NO_ZONE) return NO_SEARCH
    const labels = labelsBefore(query, zoneAt)
    if (labels < 3 || !isCategory(query, labels, 'svc')) return NO_SEARCH
    const namespaceAt = query.labels[labels - 2]
    if (!this.#clients.find(query.clientAddress, ClientField.Namespace)) return NO_SEARCH
    if (!this.#clients.isFound(query.name, namespaceAt + 1, query.name[namespaceAt])) return NO_SEARCH
    this.rest = this.#rests[this.#indexOf(query, zoneAt)]
    return namespaceAt
  }

  #indexOf(query: Query, zoneAt: number): number {
    const { names } = this.#origins
    for (let i = 0; i < names.length; i++) if (isZone(names[i], query, zoneAt)) return i
    return 0
  }
}

function isZone(zone: WireName, { name, nameLength }: Query, zoneAt: number): boolean {
  if (zone.length !== nameLength - zoneAt) return false
  for (let i = 0; i < zone.length; i++) if (zone[i] !== name[zoneAt + i]) return false
  return true
}
