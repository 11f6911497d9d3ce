// The zones of `k8s_external`, on the control side: an image of their own, made from the Services that the publisher knows.

import {
  type ExternalRecordOptions,
  externalAddresses,
  externalNameServerRecords,
  externalPointer,
  externalServiceRecords,
} from '../../records/external.ts'
import type { FrontService } from '../../records/apex.ts'
import { octetsKey } from '../../records/item.ts'
import { pointerOwner } from '../../records/pointer.ts'
import type { SlimService } from '../../watch/slim.ts'
import { isReverseZone } from '../../wire/address.ts'
import type { WireName } from '../../wire/name.ts'
import { joinName } from '../../wire/rrset.ts'
import { ZoneWriter } from '../../zones/writer.ts'
import { MultiMap } from './multimap.ts'
import { type MakeRecords, Names, type ServiceInput } from './names.ts'
import { toWire } from './options.ts'

export interface ExternalNamesOptions {
  /** Absolute, lower case. */
  readonly zones: readonly string[]
  readonly records: ExternalRecordOptions
  /** Namespaces that are served; all when undefined. */
  readonly namespaces: ReadonlySet<string> | undefined
  readonly lingerMs: number
}

export class ExternalNames {
  readonly #options: ExternalNamesOptions
  readonly #forwardOrigins: readonly WireName[]
  readonly #reverseOrigins: readonly WireName[]
  readonly writer: ZoneWriter
  readonly #names: Names
  /** Those that are reached from outside, by address. */
  readonly #servicesByAddress = new MultiMap<SlimService>()
  /** For each of the forward zones. */
  readonly #makes: readonly MakeRecords[]

  constructor(options: ExternalNamesOptions, onHandover: (image: SharedArrayBuffer) => void) {
    const { zones, records } = options
    this.#options = options
    this.writer = new ZoneWriter(zones.map(toWire), onHandover)
    this.#names = new Names(this.writer, options.lingerMs)
    this.#forwardOrigins = zones.filter(zone => !isReverseZone(zone)).map(toWire)
    this.#reverseOrigins = zones.filter(isReverseZone).map(toWire)
    this.#makes = this.#forwardOrigins.map(origin => ({
      all: (service, slices) => externalServiceRecords(service, slices, origin, records),
    }))
  }

  get buffer(): SharedArrayBuffer {
    return this.writer.buffer
  }

  /** What `step` publishes belongs together; all is published within. */
  change(step: () => void): void {
    this.writer.change(step)
  }

  stop(): void {
    this.#names.stop()
  }

  /** As of ZoneWriter. */
  resumeSerial(serial: number): void {
    this.writer.resumeSerial(serial)
  }

  publishNamespace(namespace: string, isExposed: boolean): void {
    if (namespace === this.#options.records.apex) return
    for (const origin of this.#forwardOrigins) {
      const owner = joinName([namespace], origin)
      if (!owner) continue
      if (isExposed) this.#names.publish({ owner, rrsets: [] })
      else this.#names.withdraw(owner)
    }
  }

  /** As of Names. */
  publishService(before: ServiceInput, after: ServiceInput, isSure: boolean): void {
    this.#names.publishService(before, after, this.#makes, isSure)
    if (before.service === after.service) return
    const addresses = [before, after].flatMap(({ service }) => (service ? externalAddresses(service) : []))
    const touched = new Map(addresses.map(address => [octetsKey(address), address]))
    for (const [key, address] of touched) {
      if (before.service) this.#servicesByAddress.delete(key, before.service)
      if (after.service && externalAddresses(after.service).some(other => octetsKey(other) === key)) {
        this.#servicesByAddress.add(key, after.service)
      }
      this.#publishPointer(key, address)
    }
  }

  #publishPointer(key: string, address: Uint8Array): void {
    const owner = pointerOwner(address, this.#reverseOrigins)
    const [primary] = this.#forwardOrigins
    if (!owner || !primary) return
    const { records, namespaces } = this.#options
    // As with cluster IPs, `namespaces` hides an address, a label of the Namespace does not.
    const services = this.#servicesByAddress.get(key).filter(({ namespace }) => namespaces?.has(namespace) ?? true)
    const published = externalPointer(owner, services, primary, records)
    if (published) this.#names.publish(published)
    else this.#names.withdraw(owner)
  }

  publishNameServers(front: readonly FrontService[], localAddresses: readonly Uint8Array[]): void {
    for (const origin of [...this.#forwardOrigins, ...this.#reverseOrigins]) {
      const published = externalNameServerRecords(origin, front, localAddresses, this.#options.records)
      for (const records of published) this.#names.publish(records)
    }
  }

  /** All that the API holds has been published. */
  complete(): void {
    this.writer.markComplete()
  }
}
