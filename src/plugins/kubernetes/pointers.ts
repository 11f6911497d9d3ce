// The reverse names that a publisher has in a zone image: which Services and endpoints have an address, and what it points to.

import type { RecordOptions } from '../../records/options.ts'
import { differingEndpoints } from '../../records/endpoint.ts'
import { keyOctets } from '../../records/item.ts'
import { addressKey, endpointsByAddress, pointerOwner, pointerRecords } from '../../records/pointer.ts'
import type { SlimEndpoint, SlimEndpointSlice, SlimService } from '../../watch/slim.ts'
import type { WireName } from '../../wire/name.ts'
import { MultiMap } from './multimap.ts'
import type { Names } from './names.ts'

export interface PointersOptions {
  readonly records: RecordOptions
  /** The zone that PTR records point into; without it there are none. */
  readonly primary: WireName | undefined
  readonly reverseOrigins: readonly WireName[]
  /** As in CoreDNS, `namespaces` hides an address, a label of the Namespace does not. */
  readonly isServed: (namespace: string) => boolean
  /** By `namespace/name`. */
  readonly findService: (key: string) => SlimService | undefined
}

export class Pointers {
  readonly #names: Names
  readonly #options: PointersOptions
  /** By the octets of an address, as `addressKey` makes them. */
  readonly #services = new MultiMap<SlimService>()
  /** Keys of the slices that have an address, once for each endpoint that has it, and those slices. */
  readonly #slices = new MultiMap<string>()
  readonly #held = new Map<string, SlimEndpointSlice>()
  readonly #dirty = new Set<string>()
  /** Those whose slices have changed: they may be in another one soon. */
  readonly #moved = new Set<string>()

  constructor(names: Names, options: PointersOptions) {
    this.#names = names
    this.#options = options
  }

  /** The slices that have an address, and whose they are is known. */
  slicesAt(address: string): SlimEndpointSlice[] {
    const slices: SlimEndpointSlice[] = []
    for (const key of this.#slices.get(address)) {
      const slice = this.#held.get(key)
      if (slice && !slices.includes(slice)) slices.push(slice)
    }
    return slices
  }

  changeService(service: SlimService, how: 'add' | 'delete'): void {
    for (const text of service.clusterIPs) {
      const key = addressKey(text)
      if (key === undefined) continue
      this.#services[how](key, service)
      this.#dirty.add(key)
    }
  }

  /** Both of the same Service, where both are there. */
  changeSlice(before: SlimEndpointSlice | undefined, after: SlimEndpointSlice | undefined): void {
    const { key } = (after ?? before)!
    if (after) this.#held.set(key, after)
    else this.#held.delete(key)
    const { left, came } = differingEndpoints(before?.endpoints ?? [], after?.endpoints ?? [])
    for (const endpoint of left) this.#move(endpoint, key, 'delete')
    for (const endpoint of came) this.#move(endpoint, key, 'add')
  }

  #move({ addresses }: SlimEndpoint, slice: string, how: 'add' | 'delete'): void {
    for (const text of addresses) {
      const key = addressKey(text)
      if (key === undefined) continue
      this.#slices[how](key, slice)
      this.#dirty.add(key)
      this.#moved.add(key)
    }
  }

  /** What endpoints point to depends on their Service, too. */
  touch(slices: readonly SlimEndpointSlice[]): void {
    for (const slice of slices) for (const key of endpointsByAddress(slice).keys()) this.#dirty.add(key)
  }

  /** Publishes what has changed. */
  publish(): void {
    for (const key of this.#dirty) this.#publishPointer(key)
    this.#dirty.clear()
    this.#moved.clear()
  }

  #publishPointer(key: string): void {
    const { records, primary, reverseOrigins, isServed } = this.#options
    const address = keyOctets(key)
    const owner = pointerOwner(address, reverseOrigins)
    if (!owner || !primary) return
    const services = this.#services.get(key).filter(({ namespace }) => isServed(namespace))
    const slices = this.slicesAt(key).filter(slice => this.#isPointedTo(slice))
    const published = pointerRecords(address, owner, services, slices, primary, records)
    if (published) this.#names.publish(published)
    else if (this.#moved.has(key)) this.#names.leave(owner, key)
    else this.#names.withdraw(owner)
  }

  #isPointedTo({ namespace, service }: SlimEndpointSlice): boolean {
    const { records, isServed, findService } = this.#options
    if (!isServed(namespace)) return false
    return records.ptr !== 'headless' || findService(`${namespace}/${service}`)?.headless === true
  }
}
