// Who has which address, as the API changes: Pods where they are watched, else the endpoints that are Pods. It is kept only where somebody
// asks for it; in which zone a client is, only with `topology`.

import { keyOctets } from '../../records/item.ts'
import { addressKey } from '../../records/pointer.ts'
import type { HeldPod } from '../../watch/pods.ts'
import type { SlimEndpoint, SlimEndpointSlice } from '../../watch/slim.ts'
import { type Client, type ClientWriter, type Place, sliceClients } from './clientwriter.ts'
import { MultiMap } from './multimap.ts'
import { NodeZones } from './nodezones.ts'

export interface ClientIndexOptions {
  /** Pods are watched, and they alone are believed on whose an address is. */
  readonly hasPods: boolean
  /** By `namespace/name`. */
  readonly findPod: (key: string) => HeldPod | undefined
  /** Slices that have an address as that of a ready endpoint. */
  readonly slicesAt: (address: string) => readonly SlimEndpointSlice[]
  readonly wantsPlaces: boolean
}

export class ClientIndex {
  readonly #writer: ClientWriter
  readonly #options: ClientIndexOptions
  /** Keys of the Pods that have an address. */
  readonly #pods = new MultiMap<string>()
  readonly #dirty = new Set<string>()
  /** Those that are Pods, for their places. */
  readonly #endpoints = new MultiMap<SlimEndpoint>()
  readonly #nodeZones = new NodeZones()

  constructor(writer: ClientWriter, options: ClientIndexOptions) {
    this.#writer = writer
    this.#options = options
  }

  changePod(before: HeldPod | undefined, after: HeldPod | undefined): void {
    if (before?.isNamed) this.#changePod(before, 'delete')
    if (after?.isNamed) this.#changePod(after, 'add')
  }

  #changePod(pod: HeldPod, how: 'add' | 'delete'): void {
    for (const text of pod.podIPs) {
      const key = addressKey(text)
      if (key === undefined) continue
      this.#pods[how](key, pod.key)
      this.#dirty.add(key)
    }
  }

  changeSlice({ endpoints, unready = [] }: SlimEndpointSlice, how: 'add' | 'delete'): void {
    const { hasPods, wantsPlaces } = this.#options
    if (!hasPods) for (const key of endpoints.flatMap(endpoint => [...addressesOf(endpoint)])) this.#dirty.add(key)
    if (!wantsPlaces) return
    // A Pod that has just come asks before it is ready.
    for (const endpoint of [...endpoints, ...unready]) {
      if (endpoint.podName === '') continue
      this.#nodeZones.change(endpoint, how)
      for (const key of addressesOf(endpoint)) {
        this.#endpoints[how](key, endpoint)
        this.#dirty.add(key)
      }
    }
  }

  /** Writes what has changed into the table. */
  publish(): void {
    for (const key of this.#dirty) {
      const address = keyOctets(key)
      const { hasPods, findPod, slicesAt, wantsPlaces } = this.#options
      const pods = this.#pods.get(key).flatMap(podKey => findPod(podKey) ?? [])
      const clients = hasPods ? pods.map(clientOf) : sliceClients(address, slicesAt(key))
      this.#writer.set(address, clients, wantsPlaces ? this.#findPlace(key, pods) : {})
    }
    this.#dirty.clear()
    for (const [node, zone] of this.#nodeZones.takeChanges()) this.#writer.setNode(node, zone)
  }

  /** The zone that all endpoints agree on; where none tells it, the node. */
  #findPlace(key: string, pods: readonly HeldPod[]): Place {
    const endpoints = this.#endpoints.get(key)
    const zones = new Set(endpoints.flatMap(({ zone }) => zone || []))
    if (zones.size > 0) return { zone: only(zones) }
    return { node: only(new Set([...endpoints, ...pods].flatMap(({ nodeName }) => nodeName || []))) }
  }
}

/** As keys, each once. */
function addressesOf({ addresses }: SlimEndpoint): Set<string> {
  return new Set(addresses.map(addressKey).filter(key => key !== undefined))
}

const clientOf = ({ key, namespace, labels }: HeldPod): Client => ({
  namespace,
  podName: key.slice(namespace.length + 1),
  labels,
})

const only = (values: ReadonlySet<string>): string | undefined => (values.size === 1 ? [...values][0] : undefined)
