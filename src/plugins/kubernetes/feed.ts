// What the API says, as a zone image: one connection, its watches, and the publishers behind them. A reload whose options ask for the same
// goes on with the feed that runs; a second watch would cost the API a list, and this process its memory twice.

import type { ControlContext } from '../../server/plugin.ts'
import type { ApiConnection } from '../../watch/connection.ts'
import { isReverseZone } from '../../wire/address.ts'
import { countDifferences } from '../../zones/difference.ts'
import { ZoneImage } from '../../zones/image.ts'
import { ZoneWriter } from '../../zones/writer.ts'
import type { ExternalOptions } from '../external.ts'
import { Archive, type ArchiveFollower } from './archive.ts'
import { ClientWriter } from './clientwriter.ts'
import { Exposure, type OnImage } from './exposure.ts'
import { ExternalNames } from './external.ts'
import { listLocalAddresses } from './localaddress.ts'
import { type KubernetesMetrics, kubernetesMetrics } from './metrics.ts'
import { type KubernetesOptions, describeContent, toWire } from './options.ts'
import { Publisher } from './publisher.ts'
import type { Snapshot } from './snapshotfile.ts'
import { connect, openWatches } from './source.ts'

/** A controller writes the slices of a Service one after the other, a few milliseconds apart. */
const LINGER_MS = 100

/** Those that run, of each process. */
const running = new WeakMap<ControlContext, Set<Feed>>()

/**
 * The feed that runs with such options, or one that is yet to be held. `bound` are the addresses of the server block, `labels` those of Pods that
 * somebody reads.
 */
export function findFeed(
  options: KubernetesOptions,
  bound: readonly string[],
  labels: readonly string[],
  process: ControlContext,
): Feed {
  const addresses = listLocalAddresses(bound)
  const key = describe(options, addresses, labels)
  return listFeeds(process).find(feed => feed.key === key) ?? new Feed(options, addresses, labels, process, key)
}

/** The feeds of the process that run. */
export function listFeeds(process: ControlContext): Feed[] {
  return [...(running.get(process) ?? [])]
}

/** All that the image depends on, and the way to it. */
function describe(options: KubernetesOptions, addresses: readonly Uint8Array[], labels: readonly string[]): string {
  const { tls, limits } = options
  return JSON.stringify([describeContent(options), tls, limits, addresses.map(octets => octets.join('.')), labels])
}

/** Names of the images in a snapshot; those of `k8s_external` have their options as names. */
const CLUSTER = 'cluster'
const CLIENTS = 'clients'
const TOPOLOGY = 'topology'

interface Clients {
  readonly writer: ClientWriter
  readonly exposure: Exposure
}

interface Zoned {
  readonly writer: ZoneWriter
  readonly exposure: Exposure
}

interface External {
  readonly names: ExternalNames
  readonly exposure: Exposure
  readonly archive: Archive
  readonly close: () => void
}

export class Feed {
  readonly key: string
  /** Resolves when all that the API holds has been published once. */
  readonly synced: Promise<void>
  readonly #options: KubernetesOptions
  readonly #addresses: readonly Uint8Array[]
  readonly #labels: readonly string[]
  readonly #process: ControlContext
  readonly #writer: ZoneWriter
  readonly #counts: KubernetesMetrics
  readonly #publishers: Publisher[] = []
  readonly #hides: (() => void)[] = []
  #connection: ApiConnection | undefined
  #watches: ReturnType<typeof openWatches> = new Map()
  readonly #exposure: Exposure
  readonly #archive: Archive
  /** What clients are told otherwise because of their zone, where that is wanted. */
  readonly #topology: Zoned | undefined
  /** By their options: of a reload, both configurations may have the same. */
  readonly #externals = new Map<string, External>()
  #clients: Clients | undefined
  #onSynced!: () => void
  #isComplete = false
  #isSynced = false
  /** What is answered from until all that the API holds has been published. */
  #snapshot: Snapshot | undefined
  #isActive = false
  #holders = 0
  #starting: Promise<void> | undefined

  constructor(
    options: KubernetesOptions,
    addresses: readonly Uint8Array[],
    labels: readonly string[],
    process: ControlContext,
    key: string,
  ) {
    this.key = key
    this.#labels = labels
    this.#options = options
    this.#addresses = addresses
    this.#process = process
    this.#counts = kubernetesMetrics(process.metrics)
    this.#writer = new ZoneWriter(options.zones.map(toWire), () => this.#exposure.move(), process.isAlone)
    this.#exposure = new Exposure(this.#writer)
    this.#archive = new Archive(this.#writer)
    this.#topology = options.topology ? openTopology() : undefined
    this.synced = new Promise(resolve => {
      this.#onSynced = resolve
    })
  }

  /** Whether it can be answered from: all has been heard, or there is a snapshot. */
  get isReady(): boolean {
    return this.#isSynced || this.#snapshot !== undefined
  }

  /** Whether all that the API holds has been published. */
  get isSynced(): boolean {
    return this.#isSynced
  }

  /** How old the snapshot is that is answered from; undefined when the API has been heard, or there is none. */
  get staleSeconds(): number | undefined {
    if (!this.#snapshot || this.#isSynced) return undefined
    return Math.max(0, (Date.now() - this.#snapshot.writtenMs) / 1000)
  }

  /** What is published so far, by name: what `assume` takes. */
  get images(): ReadonlyMap<string, SharedArrayBuffer> {
    const images = new Map([[CLUSTER, this.#writer.buffer]])
    if (this.#clients) images.set(CLIENTS, this.#clients.writer.buffer)
    if (this.#topology) images.set(TOPOLOGY, this.#topology.writer.buffer)
    for (const [options, { names }] of this.#externals) images.set(options, names.buffer)
    return images
  }

  /** Until all that the API holds has been published, what was known to another process is shown. Before `hold`. */
  assume(snapshot: Snapshot): void {
    const image = snapshot.images.get(CLUSTER)
    if (!image) return
    const { names, serial } = new ZoneImage(image)
    this.#snapshot = snapshot
    this.#exposure.standIn(image)
    const topology = snapshot.images.get(TOPOLOGY)
    if (topology) this.#topology?.exposure.standIn(topology)
    this.#writer.resumeSerial(serial)
    const written = new Date(snapshot.writtenMs).toISOString()
    this.#process.log.info(
      `plugin/kubernetes: answering with the ${names} names of the snapshot of ${written} until the API has been heard`,
    )
  }

  /** Whether a configuration that answers has it. */
  get isActive(): boolean {
    return this.#isActive
  }

  /** Begins to watch, for the first that holds it. Rejects when there is no way to an API. */
  hold(): Promise<void> {
    this.#holders++
    this.#starting ??= this.#start()
    return this.#starting
  }

  /** Ends with the last that held it. */
  async release(): Promise<void> {
    if (--this.#holders > 0) return
    running.get(this.#process)?.delete(this)
    for (const hide of this.#hides) hide()
    await this.#starting?.catch(() => {})
    await Promise.all([...this.#watches.values()].map(watch => watch.stop()))
    for (const publisher of this.#publishers) publisher.stop()
    await this.#connection?.close()
  }

  /** Hands over the image, at once and whenever it moves to other memory, until the function that it returns is called. */
  follow(onImage: OnImage): () => void {
    return this.#exposure.follow(onImage)
  }

  /** The same for the table of who has which address, which is kept from the first time that somebody asks for it. */
  followClients(onTable: OnImage): () => void {
    this.#clients ??= this.#openClients()
    return this.#clients.exposure.follow(onTable)
  }

  /** The same for what clients are told otherwise because of their zone. Only with `topology`. */
  followTopology(onImage: OnImage): () => void {
    return this.#topology!.exposure.follow(onImage)
  }

  /** The same for what secondaries are given of it. */
  followHistory(follower: ArchiveFollower): () => void {
    return this.#archive.follow(follower)
  }

  /**
   * The same for zones of `k8s_external`, which go with the last that follows them; `archived` is given what secondaries have of them. Only for
   * who holds the feed.
   */
  followExternal(options: ExternalOptions, onImage: OnImage, archived?: ArchiveFollower): () => void {
    const key = JSON.stringify(options)
    const external = this.#externals.get(key) ?? this.#openExternal(options, key)
    this.#externals.set(key, external)
    const unfollow = external.exposure.follow(onImage)
    const unfollowHistory = archived && external.archive.follow(archived)
    return () => {
      unfollow()
      unfollowHistory?.()
      if (external.exposure.isFollowed) return
      this.#externals.delete(key)
      external.close()
    }
  }

  #openExternal({ zones, apex, ttlSeconds, headless }: ExternalOptions, key: string): External {
    const { endpointPodNames, namespaces } = this.#options
    const records = { apex, ttlSeconds, headless, endpointPodNames }
    const names = new ExternalNames({ zones, records, namespaces, lingerMs: LINGER_MS }, () => exposure.move())
    const standIn = this.#findStandIn(key)
    if (standIn) names.resumeSerial(new ZoneImage(standIn).serial)
    const exposure = new Exposure(names, standIn)
    const archive = new Archive(names.writer)
    const unshare = this.#publishers[0].share(names)
    const close = (): void => {
      unshare()
      names.stop()
    }
    return { names, exposure, archive, close }
  }

  #findStandIn(name: string): SharedArrayBuffer | undefined {
    return this.#isComplete ? undefined : this.#snapshot?.images.get(name)
  }

  #openClients(): Clients {
    const writer = new ClientWriter(() => exposure.move())
    const exposure = new Exposure(writer, this.#findStandIn(CLIENTS))
    this.#publishers[0]?.follow(writer)
    return { writer, exposure }
  }

  get #exposures(): Exposure[] {
    const others = [this.#clients, this.#topology, ...this.#externals.values()]
    return [this.#exposure, ...others.flatMap(other => (other ? [other.exposure] : []))]
  }

  /** All that is on its way to the threads. */
  get #handingOver(): Promise<unknown>[] {
    const archives = [this.#archive, ...[...this.#externals.values()].map(({ archive }) => archive)]
    return [...this.#exposures, ...archives].map(({ handedOver }) => handedOver)
  }

  /** From now on the metrics tell of it. */
  activate(): void {
    if (this.#isActive) return
    this.#isActive = true
    for (const [resource, watch] of this.#watches) this.#hides.push(this.#counts.follow(resource, watch.status))
  }

  async #start(): Promise<void> {
    const { api, version } = this.#process
    const feeds = running.get(this.#process) ?? new Set()
    running.set(this.#process, feeds.add(this))
    this.#makePublishers()
    if (this.#clients) this.#publishers[0].follow(this.#clients.writer)
    this.#connection = await connect(this.#options, api, `kubezone/${version}`, this.#counts.observer)
    const [cluster, clusterSet] = this.#publishers
    this.#watches = openWatches(this.#connection, this.#options, { cluster, clusterSet }, this.#labels, this.#process)
    for (const watch of this.#watches.values()) watch.start()
  }

  #makePublishers(): void {
    const { zones, multicluster, namespaces, pods } = this.#options
    const { ttlSeconds, endpointPodNames, noEndpoints, ignoreEmptyService, zonal, ptr, labels } = this.#options
    // With `labels`, a Service may be chosen and its slices not.
    const slicesFollow = !noEndpoints && labels === undefined
    const { log } = this.#process
    const waiting = new Set<boolean>()
    const publish = (isMulticluster: boolean, forward: string[], reverse: string[]): void => {
      waiting.add(isMulticluster)
      const publisher = new Publisher(this.#writer, {
        records: {
          ttlSeconds,
          endpointPodNames,
          noEndpoints,
          ignoreEmptyService,
          isMulticluster,
          zonal,
          ptr,
          slicesFollow,
        },
        forwardOrigins: forward.map(toWire),
        reverseOrigins: reverse.map(toWire),
        namespaces,
        pods,
        localAddresses: this.#addresses,
        // Hints are of the cluster in which they were given.
        topology: isMulticluster ? undefined : this.#topology?.writer,
        lingerMs: LINGER_MS,
        onProgrammed: this.#counts.onProgrammed,
        onComplete: () => {
          waiting.delete(isMulticluster)
          if (waiting.size === 0) void this.#complete()
        },
        onFailure: error => log.error({ err: error }, 'plugin/kubernetes: a change could not be published'),
      })
      this.#publishers.push(publisher)
    }
    const forward = zones.filter(zone => !isReverseZone(zone) && !multicluster.includes(zone))
    publish(false, forward, zones.filter(isReverseZone))
    if (multicluster.length > 0) publish(true, multicluster, [])
  }

  /** Ready is what every thread can answer for: those that still read from where the image was before are waited for. */
  async #complete(): Promise<void> {
    if (this.#isComplete) return
    this.#isComplete = true
    const snapshot = this.#snapshot?.images.get(CLUSTER)
    // With a snapshot somebody asks already, and there is more to give back when nothing is read from it any more.
    if (!snapshot) this.#process.relieve(false)
    // What a snapshot does not tell is which serials were given out after it: ours moves on even where nothing differs.
    const before = snapshot ? new ZoneImage(snapshot).serial : 0
    if (this.#writer.serial === before) this.#writer.change(() => this.#writer.touch())
    this.#writer.markComplete()
    for (const exposure of this.#exposures) exposure.reveal()
    const zones = this.#options.zones.join(' ')
    this.#process.log.info(`plugin/kubernetes: serving ${this.#writer.names} names in ${zones}`)
    await Promise.all(this.#handingOver)
    this.#isSynced = true
    this.#onSynced()
    if (snapshot) await this.#leaveSnapshot(snapshot)
  }

  async #leaveSnapshot(snapshot: SharedArrayBuffer): Promise<void> {
    const count = await countDifferences(new ZoneImage(snapshot), new ZoneImage(this.#writer.buffer))
    if (count !== undefined) {
      this.#process.log.info(`plugin/kubernetes: ${count} names were not as the snapshot had them`)
    }
    this.#snapshot = undefined
    // Nobody on the stack holds it then.
    setImmediate(() => this.#process.relieve(true))
  }
}

function openTopology(): Zoned {
  // Its names begin with a zone, and end in any of the plugin's.
  const writer: ZoneWriter = new ZoneWriter([Uint8Array.of(0)], () => exposure.move())
  const exposure = new Exposure(writer)
  return { writer, exposure }
}
