// The control side of the plugin: hears of changes in the API and publishes what follows from them in the zone image. Changes are gathered
// until the event loop has read what there was to read; then the Services, addresses and Pods that they touch are looked at, once each, and
// nothing else. All slices of a Service change in one step.

import { versionRecords, nameServerRecords, type FrontService } from '../../records/apex.ts'
import { octetsKey } from '../../records/item.ts'
import type { RecordOptions } from '../../records/options.ts'
import { podRecords } from '../../records/pod.ts'
import { addressKey, pointerOwner, pointerRecords } from '../../records/pointer.ts'
import { isPodModified, isServiceModified, isSliceModified } from '../../records/serial.ts'
import { serviceRecords } from '../../records/service.ts'
import type { SlimEndpointSlice, SlimNamespace, SlimPod, SlimService } from '../../watch/slim.ts'
import type { Sink } from '../../watch/store.ts'
import type { WireName } from '../../wire/name.ts'
import { joinName } from '../../wire/rrset.ts'
import type { ZoneWriter } from '../../zones/writer.ts'
import { type ClientWriter, sliceClients } from './clientwriter.ts'
import type { ExternalNames } from './external.ts'
import { MultiMap } from './multimap.ts'
import { type MakeRecords, Names, type ServiceInput } from './names.ts'

export interface PublisherOptions {
  readonly records: RecordOptions
  /** Zones with names of Services and Pods; PTR records point into the first. */
  readonly forwardOrigins: readonly WireName[]
  readonly reverseOrigins: readonly WireName[]
  /** Namespaces that are served; all when undefined. */
  readonly namespaces: ReadonlySet<string> | undefined
  readonly pods: 'disabled' | 'insecure' | 'verified'
  /** Where this server listens: what its own NS records are found by. */
  readonly localAddresses: readonly Uint8Array[]
  /** For how long a name stays when its last record has gone and its Service has not: what makes it anew may be in the next change. */
  readonly lingerMs: number
  /** How long a change took from its cause to the zone, for coredns_kubernetes_dns_programming_duration_seconds. */
  readonly onProgrammed?: (kind: ServiceKind, seconds: number) => void
  /** All that the API holds has been published; called again with each later change. */
  readonly onComplete: () => void
  readonly onFailure: (error: unknown) => void
}

export type ServiceKind = 'cluster_ip' | 'headless_with_selector' | 'headless_without_selector'

export class Publisher {
  readonly #writer: ZoneWriter
  readonly #options: PublisherOptions
  readonly #services = new Map<string, SlimService>()
  readonly #slices = new MultiMap<SlimEndpointSlice>()
  readonly #namespaces = new Set<string>()
  readonly #servicesByAddress = new MultiMap<SlimService>()
  readonly #slicesByAddress = new MultiMap<SlimEndpointSlice>()
  readonly #podsByName = new MultiMap<SlimPod>()
  readonly #dirtyServices = new Map<string, ServiceInput>()
  readonly #dirtyAddresses = new Map<string, Uint8Array>()
  /** Those whose slices have changed: they may be in another one soon. */
  readonly #movedAddresses = new Set<string>()
  readonly #dirtyPods = new Map<string, SlimPod>()
  readonly #dirtyNamespaces = new Set<string>()
  // Both are kept only where there are Pods and somebody asks who has an address.
  readonly #podsByAddress = new MultiMap<SlimPod>()
  readonly #dirtyClients = new Set<string>()
  #clients: ClientWriter | undefined
  readonly #triggers: SlimEndpointSlice[] = []
  /** Resources whose first list has not been heard. */
  readonly #awaited = new Set(['services', 'namespaces'])
  readonly #names: Names
  /** For each of the zones. */
  readonly #makes: readonly MakeRecords[]
  /** Zones beside its own that are made from the same. */
  readonly #externals = new Set<ExternalNames>()
  #isModified = false
  #flushing: NodeJS.Immediate | undefined

  constructor(writer: ZoneWriter, options: PublisherOptions) {
    this.#writer = writer
    this.#options = options
    this.#names = new Names(writer, options.lingerMs)
    this.#makes = options.forwardOrigins.map(
      origin => (service, slices) => serviceRecords(service, slices, origin, options.records),
    )
    if (!options.records.noEndpoints) this.#awaited.add('slices')
    if (options.pods === 'verified') this.#awaited.add('pods')
    for (const origin of options.forwardOrigins) {
      for (const category of ['svc', 'pod']) writer.publish(joinName([category], origin)!, [])
      this.#names.publish(versionRecords(origin))
    }
    for (const origin of options.reverseOrigins) this.#names.publish(versionRecords(origin))
    this.#publishNameServers()
  }

  stop(): void {
    clearImmediate(this.#flushing)
    this.#names.stop()
  }

  /** From now on, `clients` is told who has which address: Pods where they are watched, else the endpoints that are Pods. */
  follow(clients: ClientWriter): void {
    this.#clients = clients
    for (const pods of this.#podsByName.values()) for (const pod of pods) this.#changeClient(pod, 'add')
    for (const address of this.#slicesByAddress.keys())
      this.#dirtyAddresses.set(address, Buffer.from(address, 'latin1'))
    this.#schedule()
  }

  /** From now on, `external` has what is published, and is told of changes, until the function that it returns is called. */
  share(external: ExternalNames): () => void {
    this.#externals.add(external)
    const nothing = { service: undefined, slices: [], isExposed: false }
    for (const namespace of this.#namespaces) external.publishNamespace(namespace, this.#isExposed(namespace))
    for (const key of new Set([...this.#services.keys(), ...this.#dirtyServices.keys()])) {
      // The next flush tells the rest.
      external.publishService(nothing, this.#dirtyServices.get(key) ?? this.#input(key))
    }
    const { localAddresses } = this.#options
    external.publishNameServers(this.#findFront(localAddresses), localAddresses)
    if (this.#awaited.size === 0) external.complete()
    return () => this.#externals.delete(external)
  }

  readonly services: Sink<SlimService> = {
    changed: (before, after) => {
      const { key } = (after ?? before)!
      this.#touchService(key)
      const held = this.#services.get(key)
      if (held) {
        this.#services.delete(key)
        this.#indexClusterIPs(held, 'delete')
      }
      if (after) {
        this.#services.set(after.key, after)
        this.#indexClusterIPs(after, 'add')
      }
      if (this.#options.records.ptr === 'headless' && held?.headless !== after?.headless) this.#touchEndpoints(key)
      if (isServiceModified(before, after)) this.#isModified = true
      this.#schedule()
    },
    listed: () => this.#heard('services'),
  }

  readonly slices: Sink<SlimEndpointSlice> = {
    changed: (before, after) => {
      if (before) this.#changeSlice(before, 'delete')
      if (after) this.#changeSlice(after, 'add')
      if (after && !Number.isNaN(after.lastChangeTriggerTimeMs)) this.#triggers.push(after)
      if (isSliceModified(before, after, this.#options.records)) this.#isModified = true
      this.#schedule()
    },
    listed: () => this.#heard('slices'),
  }

  readonly namespaces: Sink<SlimNamespace> = {
    changed: (before, after) => {
      const { name } = (after ?? before)!
      if (this.#namespaces.has(name) === (after !== undefined)) return
      for (const service of this.#services.values()) if (service.namespace === name) this.#touchService(service.key)
      if (after) this.#namespaces.add(name)
      else this.#namespaces.delete(name)
      this.#dirtyNamespaces.add(name)
      // Its Services come or go with it.
      this.#isModified = true
      this.#schedule()
    },
    listed: () => this.#heard('namespaces'),
  }

  readonly pods: Sink<SlimPod> = {
    changed: (before, after) => {
      const isNamed = before !== undefined && this.#podsByName.get(podKey(before)).includes(before)
      if (before) this.#changePod(before, 'delete')
      // A Pod that is being deleted keeps its name until it is gone, but gets none any more (CoreDNS plugin/kubernetes/object/informer.go).
      if (after && (!after.deleting || (isNamed && before.podIP === after.podIP))) this.#changePod(after, 'add')
      if (isPodModified(before, after)) this.#isModified = true
      this.#schedule()
    },
    listed: () => this.#heard('pods'),
  }

  #touchService(key: string): void {
    if (!this.#dirtyServices.has(key)) this.#dirtyServices.set(key, this.#input(key))
  }

  #input(key: string): ServiceInput {
    const service = this.#services.get(key)
    return {
      service,
      slices: this.#slices.get(key),
      isExposed: service !== undefined && this.#isExposed(service.namespace),
    }
  }

  #changeSlice(slice: SlimEndpointSlice, how: 'add' | 'delete'): void {
    const name = this.#options.records.isMulticluster ? slice.importedService : slice.service
    if (name === '') return
    const key = `${slice.namespace}/${name}`
    this.#touchService(key)
    this.#slices[how](key, slice)
    for (const address of endpointAddresses(slice)) {
      this.#slicesByAddress[how](address, slice)
      this.#dirtyAddresses.set(address, Buffer.from(address, 'latin1'))
      this.#movedAddresses.add(address)
    }
  }

  /** What the endpoints of a Service point to depends on the Service. */
  #touchEndpoints(key: string): void {
    for (const slice of this.#slices.get(key)) {
      for (const address of endpointAddresses(slice)) this.#dirtyAddresses.set(address, Buffer.from(address, 'latin1'))
    }
  }

  #indexClusterIPs(service: SlimService, how: 'add' | 'delete'): void {
    for (const text of service.clusterIPs) {
      const address = addressKey(text)
      if (address === undefined) continue
      this.#servicesByAddress[how](address, service)
      this.#dirtyAddresses.set(address, Buffer.from(address, 'latin1'))
    }
  }

  #changePod(pod: SlimPod, how: 'add' | 'delete'): void {
    if (pod.podIP === '') return
    const key = podKey(pod)
    this.#podsByName[how](key, pod)
    if (this.#clients) this.#changeClient(pod, how)
    this.#dirtyPods.set(key, pod)
  }

  #changeClient(pod: SlimPod, how: 'add' | 'delete'): void {
    for (const text of pod.podIPs) {
      const address = addressKey(text)
      if (address === undefined) continue
      this.#podsByAddress[how](address, pod)
      this.#dirtyClients.add(address)
    }
  }

  #heard(resource: string): void {
    this.#awaited.delete(resource)
    this.#schedule()
  }

  #schedule(): void {
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined
      try {
        this.flush()
      } catch (error) {
        this.#options.onFailure(error)
      }
    })
  }

  /** Publishes everything that has changed. Runs by itself once the event loop has read what there was. */
  flush(): void {
    this.#writer.change(() => this.#publishChanges())
    this.#tellTriggers()
    if (this.#awaited.size > 0) return
    for (const external of this.#externals) external.complete()
    this.#options.onComplete()
  }

  #publishChanges(): void {
    for (const namespace of this.#dirtyNamespaces) {
      this.#publishNamespace(namespace)
      if (this.#options.pods === 'verified') this.#touchPodsOf(namespace)
    }
    for (const [key, before] of this.#dirtyServices) {
      const after = this.#input(key)
      this.#names.publishService(before, after, this.#makes)
      for (const external of this.#externals) external.publishService(before, after)
    }
    for (const [key, address] of this.#dirtyAddresses) this.#publishPointer(key, address)
    for (const [key, pod] of this.#dirtyPods) this.#publishPod(key, pod)
    this.#publishClients()
    this.#dirtyNamespaces.clear()
    this.#dirtyServices.clear()
    this.#dirtyAddresses.clear()
    this.#movedAddresses.clear()
    this.#dirtyPods.clear()
    this.#publishNameServers()
    if (this.#isModified) this.#writer.touch()
    this.#isModified = false
  }

  #isExposed(namespace: string): boolean {
    return this.#namespaces.has(namespace) && this.#isServed(namespace)
  }

  #isServed(namespace: string): boolean {
    return this.#options.namespaces?.has(namespace) ?? true
  }

  #publishNamespace(namespace: string): void {
    for (const external of this.#externals) external.publishNamespace(namespace, this.#isExposed(namespace))
    const categories = this.#options.pods === 'disabled' ? ['svc'] : ['svc', 'pod']
    for (const origin of this.#options.forwardOrigins) {
      for (const category of categories) {
        const name = joinName([namespace, category], origin)
        if (!name) continue
        if (this.#isExposed(namespace)) this.#writer.publish(name, [])
        else this.#writer.withdraw(name)
      }
    }
  }

  #publishPointer(key: string, address: Uint8Array): void {
    const owner = pointerOwner(address, this.#options.reverseOrigins)
    const [primary] = this.#options.forwardOrigins
    if (!owner || !primary) return
    // As in CoreDNS, `namespaces` hides an address, a label of the Namespace does not.
    const services = this.#servicesByAddress.get(key).filter(({ namespace }) => this.#isServed(namespace))
    const slices = this.#slicesByAddress.get(key).filter(slice => this.#isPointedTo(slice))
    const records = pointerRecords(address, owner, services, slices, primary, this.#options.records)
    if (records) this.#names.publish(records)
    else if (this.#movedAddresses.has(key)) this.#names.leave(owner, key)
    else this.#names.withdraw(owner)
  }

  #isPointedTo({ namespace, service }: SlimEndpointSlice): boolean {
    if (!this.#isServed(namespace)) return false
    return this.#options.records.ptr !== 'headless' || this.#services.get(`${namespace}/${service}`)?.headless === true
  }

  /** Several Pods may share an address, on the host's network: the name stays as long as one of them does. */
  #publishPod(key: string, pod: SlimPod): void {
    const isThere = this.#podsByName.get(key).length > 0 && this.#isExposed(pod.namespace)
    for (const origin of this.#options.forwardOrigins) {
      const records = podRecords(pod, origin, this.#options.records.ttlSeconds)
      if (!records) continue
      if (isThere) this.#names.publish(records)
      else this.#names.withdraw(records.owner)
    }
  }

  #publishClients(): void {
    const clients = this.#clients
    if (!clients) return
    for (const key of this.#dirtyClients) {
      const pods = this.#podsByAddress.get(key)
      clients.set(
        Buffer.from(key, 'latin1'),
        pods.map(({ namespace, name }) => ({ namespace, podName: name })),
      )
    }
    this.#dirtyClients.clear()
    if (this.#options.pods === 'verified') return
    for (const [key, address] of this.#dirtyAddresses) {
      clients.set(address, sliceClients(address, this.#slicesByAddress.get(key)))
    }
  }

  #touchPodsOf(namespace: string): void {
    for (const pods of this.#podsByName.values()) {
      const [pod] = pods
      if (pod.namespace === namespace) this.#dirtyPods.set(podKey(pod), pod)
    }
  }

  #publishNameServers(): void {
    const { localAddresses, forwardOrigins, reverseOrigins, records } = this.#options
    const front = this.#findFront(localAddresses)
    for (const external of this.#externals) external.publishNameServers(front, localAddresses)
    for (const origin of [...forwardOrigins, ...reverseOrigins]) {
      for (const published of nameServerRecords(origin, front, localAddresses, records)) this.#names.publish(published)
    }
  }

  #findFront(localAddresses: readonly Uint8Array[]): FrontService[] {
    const slices = new Map<SlimService, SlimEndpointSlice[]>()
    for (const address of localAddresses) {
      for (const slice of this.#slicesByAddress.get(octetsKey(address))) {
        const service = this.#services.get(`${slice.namespace}/${slice.service}`)
        if (service) slices.set(service, [...(slices.get(service) ?? []), slice])
      }
    }
    return [...slices].map(([service, slices]) => ({ service, slices: [...new Set(slices)] }))
  }

  #tellTriggers(): void {
    const triggers = this.#triggers.splice(0)
    // What was there at the first list changed before this process was born.
    if (this.#awaited.size > 0) return
    for (const slice of triggers) {
      const service = this.#services.get(`${slice.namespace}/${slice.service}`)
      if (!service) continue
      const seconds = (Date.now() - slice.lastChangeTriggerTimeMs) / 1000
      this.#options.onProgrammed?.(serviceKind(service), Math.max(0, seconds))
    }
  }
}

/** The addresses in a slice, as keys, each once. */
function endpointAddresses({ endpoints }: SlimEndpointSlice): Set<string> {
  const keys = endpoints.flatMap(({ addresses }) => addresses.map(addressKey))
  return new Set(keys.filter(key => key !== undefined))
}

const podKey = ({ namespace, podIP }: SlimPod): string => `${namespace}/${podIP}`

function serviceKind(service: SlimService): ServiceKind {
  if (!service.headless) return 'cluster_ip'
  return service.hasSelector ? 'headless_with_selector' : 'headless_without_selector'
}
