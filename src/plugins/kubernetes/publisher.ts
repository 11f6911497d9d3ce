// The control side of the plugin: hears of changes in the API and publishes what follows from them in the zone image. Changes are gathered
// while one piece of what the API sends is read; then the Services, addresses and Pods that they touch are looked at, once each, and nothing
// else. All slices of a Service change in one step.

import { versionRecords, nameServerRecords, type FrontService } from '../../records/apex.ts'
import { octetsKey } from '../../records/item.ts'
import type { RecordOptions } from '../../records/options.ts'
import { isPodModified, isServiceModified, isSliceModified } from '../../records/serial.ts'
import { movedRecords } from '../../records/moved.ts'
import { serviceRecords } from '../../records/service.ts'
import { topologyRecords } from '../../records/topology.ts'
import type { HeldPod } from '../../watch/pods.ts'
import type { SlimEndpointSlice, SlimNamespace, SlimService } from '../../watch/slim.ts'
import type { Keeper, Sink } from '../../watch/store.ts'
import type { WireName } from '../../wire/name.ts'
import { joinName } from '../../wire/rrset.ts'
import type { ZoneWriter } from '../../zones/writer.ts'
import { ClientIndex } from './clientindex.ts'
import type { ClientWriter } from './clientwriter.ts'
import type { ExternalNames } from './external.ts'
import { MultiMap } from './multimap.ts'
import { type MakeRecords, Names, type ServiceInput } from './names.ts'
import { PodNames } from './podnames.ts'
import { Pointers } from './pointers.ts'
import { type ServiceKind, Triggers } from './triggers.ts'

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
  /** What clients are told otherwise because of their zone goes here, where that is wanted. */
  readonly topology?: ZoneWriter
  /** How long a change took from its cause to the zone, for coredns_kubernetes_dns_programming_duration_seconds. */
  readonly onProgrammed?: (kind: ServiceKind, seconds: number) => void
  /** All that the API holds has been published; called again with each later change. */
  readonly onComplete: () => void
  readonly onFailure: (error: unknown) => void
}

type HeldPods = Pick<Keeper<never, HeldPod>, 'get' | 'values'>

export class Publisher {
  readonly #writer: ZoneWriter
  readonly #options: PublisherOptions
  readonly #services = new Map<string, SlimService>()
  readonly #slices = new MultiMap<SlimEndpointSlice>()
  readonly #namespaces = new Set<string>()
  readonly #dirtyServices = new Map<string, ServiceInput>()
  readonly #dirtyNamespaces = new Set<string>()
  readonly #triggers: Triggers
  readonly #localKeys: readonly string[]
  /** Resources whose first list has not been heard. */
  readonly #awaited = new Set(['services', 'namespaces'])
  readonly #names: Names
  readonly #pointers: Pointers
  readonly #podNames: PodNames
  /** Only where somebody asks who has an address. */
  #clients: ClientIndex | undefined
  /** For each of the zones. */
  readonly #makes: readonly MakeRecords[]
  readonly #topologyNames: Names | undefined
  readonly #topologyMakes: readonly MakeRecords[]
  #pods: HeldPods | undefined
  /** Zones beside its own that are made from the same. */
  readonly #externals = new Set<ExternalNames>()
  /** What the names of the name servers are made from, as of the last flush. */
  #front: readonly FrontService[] | undefined
  #isModified = false
  /** Whether all that changed was published. */
  #isSure = true
  #isScheduled = false
  #isStopped = false

  constructor(writer: ZoneWriter, options: PublisherOptions) {
    this.#writer = writer
    this.#options = options
    const { forwardOrigins, reverseOrigins, records } = options
    this.#names = new Names(writer, options.lingerMs)
    this.#pointers = new Pointers(this.#names, {
      records,
      primary: forwardOrigins[0],
      reverseOrigins,
      isServed: namespace => this.#isServed(namespace),
      findService: key => this.#services.get(key),
    })
    this.#podNames = new PodNames(this.#names, {
      forwardOrigins,
      ttlSeconds: records.ttlSeconds,
      isExposed: namespace => this.#isExposed(namespace),
      pods: () => this.#heldPods,
    })
    this.#localKeys = options.localAddresses.map(octetsKey)
    this.#triggers = new Triggers(options.onProgrammed)
    this.#makes = forwardOrigins.map(origin => ({
      all: (service, slices) => serviceRecords(service, slices, origin, records),
      moved: (service, before, after) => movedRecords(service, before, after, origin, records),
    }))
    this.#topologyNames = options.topology && new Names(options.topology, 0)
    this.#topologyMakes = forwardOrigins.map(origin => ({
      all: (service, slices) => topologyRecords(service, slices, origin, records),
    }))
    if (!records.noEndpoints) this.#awaited.add('slices')
    if (options.pods === 'verified') this.#awaited.add('pods')
    for (const origin of forwardOrigins) {
      for (const category of ['svc', 'pod']) writer.publish(joinName([category], origin)!, [])
      this.#names.publish(versionRecords(origin))
    }
    for (const origin of reverseOrigins) this.#names.publish(versionRecords(origin))
    this.#publishNameServers()
  }

  /** Where the Pods are that `pods` is told of; none without it. */
  keepPods(pods: HeldPods): void {
    this.#pods = pods
  }

  get #heldPods(): Iterable<HeldPod> {
    return this.#pods?.values() ?? []
  }

  stop(): void {
    this.#isStopped = true
    this.#names.stop()
  }

  /** From now on, `clients` is told who has which address: Pods where they are watched, else the endpoints that are Pods. */
  follow(clients: ClientWriter): void {
    const { pods, topology } = this.#options
    const index = new ClientIndex(clients, {
      hasPods: pods === 'verified',
      findPod: key => this.#pods?.get(key),
      slicesAt: address => this.#pointers.slicesAt(address),
      wantsPlaces: topology !== undefined,
    })
    for (const pod of this.#heldPods) index.changePod(undefined, pod)
    for (const slice of [...this.#slices.values()].flat()) index.changeSlice(slice, 'add')
    this.#clients = index
    this.#schedule()
  }

  /** From now on, `external` has what is published, and is told of changes, until the function that it returns is called. */
  share(external: ExternalNames): () => void {
    this.#externals.add(external)
    external.change(() => {
      const nothing = { service: undefined, slices: [], isExposed: false }
      for (const namespace of this.#namespaces) external.publishNamespace(namespace, this.#isExposed(namespace))
      for (const key of new Set([...this.#services.keys(), ...this.#dirtyServices.keys()])) {
        // The next flush tells the rest.
        external.publishService(nothing, this.#dirtyServices.get(key) ?? this.#input(key), true)
      }
      external.publishNameServers(this.#front ?? [], this.#options.localAddresses)
    })
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
        this.#pointers.changeService(held, 'delete')
      }
      if (after) {
        this.#services.set(after.key, after)
        this.#pointers.changeService(after, 'add')
      }
      if (this.#options.records.ptr === 'headless' && held?.headless !== after?.headless) {
        this.#pointers.touch(this.#slices.get(key))
      }
      if (isServiceModified(before, after)) this.#isModified = true
      this.#schedule()
    },
    listed: () => this.#heard('services'),
  }

  readonly slices: Sink<SlimEndpointSlice> = {
    changed: (before, after) => {
      if (before && after && isOfSame(before, after)) this.#changeSlice(before, after)
      else {
        if (before) this.#changeSlice(before, undefined)
        if (after) this.#changeSlice(undefined, after)
      }
      if (after) this.#triggers.add(after)
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

  readonly pods: Sink<HeldPod> = {
    changed: (before, after) => {
      this.#podNames.change(before, after)
      this.#clients?.changePod(before, after)
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

  /** Both of the same Service, where both are there. */
  #changeSlice(before: SlimEndpointSlice | undefined, after: SlimEndpointSlice | undefined): void {
    const { namespace, service, importedService } = (after ?? before)!
    const name = this.#options.records.isMulticluster ? importedService : service
    if (name === '') return
    const key = `${namespace}/${name}`
    this.#touchService(key)
    if (before) this.#slices.delete(key, before)
    if (after) this.#slices.add(key, after)
    this.#pointers.changeSlice(before, after)
    if (before) this.#clients?.changeSlice(before, 'delete')
    if (after) this.#clients?.changeSlice(after, 'add')
  }

  #heard(resource: string): void {
    this.#awaited.delete(resource)
    this.#schedule()
  }

  /** A piece is read without a pause, and what is published behind it is there before the questions that have come meanwhile are looked at. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      if (this.#isStopped) return
      try {
        this.flush()
      } catch (error) {
        this.#options.onFailure(error)
      }
    })
  }

  /** Publishes everything that has changed. Runs by itself. */
  flush(): void {
    let step = (): void => this.#publishChanges()
    for (const external of this.#externals) {
      const inner = step
      step = () => external.change(inner)
    }
    this.#writer.change(step)
    if (this.#awaited.size > 0) {
      this.#triggers.drop()
      return
    }
    this.#triggers.tell(key => this.#services.get(key))
    for (const external of this.#externals) external.complete()
    this.#options.onComplete()
  }

  #publishChanges(): void {
    const isSure = this.#isSure
    // Until the end is reached.
    this.#isSure = false
    for (const namespace of this.#dirtyNamespaces) {
      this.#publishNamespace(namespace)
      if (this.#options.pods === 'verified') this.#podNames.touch(namespace)
    }
    for (const [key, before] of this.#dirtyServices) {
      const after = this.#input(key)
      this.#names.publishService(before, after, this.#makes, isSure)
      this.#topologyNames?.publishService(before, after, this.#topologyMakes, isSure)
      for (const external of this.#externals) external.publishService(before, after, isSure)
    }
    this.#pointers.publish()
    this.#podNames.publish()
    this.#clients?.publish()
    this.#dirtyNamespaces.clear()
    this.#dirtyServices.clear()
    this.#publishNameServers()
    if (this.#isModified) this.#writer.touch()
    this.#isModified = false
    this.#isSure = true
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

  #publishNameServers(): void {
    const { localAddresses, forwardOrigins, reverseOrigins, records } = this.#options
    const front = this.#findFront()
    if (this.#front && isSameFront(this.#front, front)) return
    this.#front = front
    for (const external of this.#externals) external.publishNameServers(front, localAddresses)
    for (const origin of [...forwardOrigins, ...reverseOrigins]) {
      for (const published of nameServerRecords(origin, front, localAddresses, records)) this.#names.publish(published)
    }
  }

  #findFront(): FrontService[] {
    const slices = new Map<SlimService, SlimEndpointSlice[]>()
    for (const key of this.#localKeys) {
      for (const slice of this.#pointers.slicesAt(key)) {
        const service = this.#services.get(`${slice.namespace}/${slice.service}`)
        if (service) slices.set(service, [...(slices.get(service) ?? []), slice])
      }
    }
    return [...slices].map(([service, slices]) => ({ service, slices: [...new Set(slices)] }))
  }
}

const isSameFront = (before: readonly FrontService[], after: readonly FrontService[]): boolean =>
  before.length === after.length &&
  before.every(({ service, slices }, i) => service === after[i].service && isSameList(slices, after[i].slices))

const isSameList = (before: readonly unknown[], after: readonly unknown[]): boolean =>
  before.length === after.length && before.every((value, i) => value === after[i])

const isOfSame = (before: SlimEndpointSlice, after: SlimEndpointSlice): boolean =>
  before.service === after.service && before.importedService === after.importedService
