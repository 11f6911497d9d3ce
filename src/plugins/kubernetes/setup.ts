import { setTimeout as delay } from 'node:timers/promises'
import type { Handler } from '../../server/handler.ts'
import type { Metadata } from '../../server/metadata.ts'
import {
  type Block,
  type ControlContext,
  type ControlPhases,
  type Instance,
  type Plugin,
  TransientError,
  joinChain,
} from '../../server/plugin.ts'
import type { SearchPath } from '../../server/searchpath.ts'
import type { WireName } from '../../wire/name.ts'
import { ZoneImage } from '../../zones/image.ts'
import type { HistoryMemory } from '../../zones/journal.ts'
import { ImagePrimary } from '../../zones/primary.ts'
import { formatDuration } from '../duration.ts'
import type { ExternalFollower, ExternalOptions, ExternalSource } from '../external.ts'
import { readSearchList } from '../searchlist.ts'
import type { ArchiveFollower } from './archive.ts'
import { ClientField, Clients } from './clients.ts'
import type { Feed } from './feed.ts'
import { KubernetesHandler } from './kubernetes.ts'
import { nameMetadata } from './metadata.ts'
import { type KubernetesOptions, readOptions, toWire } from './options.ts'
import { PodSearchPath } from './searchpath.ts'
import type { SnapshotKeeper } from './snapshot.ts'
import { Topology } from './topology.ts'

/** The zone image, on the board of the server block. */
const IMAGE = 'kubernetes/image'
/** The table of clients, there too. */
const CLIENTS = 'kubernetes/clients'
/** What clients are told otherwise because of their zone. */
const TOPOLOGY = 'kubernetes/topology'
/** The zones of `k8s_external`. */
const EXTERNAL = 'kubernetes/external'
/** What secondaries are given of each of the two. */
const HISTORY = 'kubernetes/history'
const EXTERNAL_HISTORY = 'kubernetes/external/history'

const CLIENT_LABELS: Readonly<Record<string, ClientField>> = {
  'kubernetes/client-namespace': ClientField.Namespace,
  'kubernetes/client-pod-name': ClientField.Pod,
}

/** Labels of the client's Pod, by their keys. */
const CLIENT_LABEL = 'kubernetes/client-label/'

/** What the node appends to names, and so do its Pods; nothing where there is no such file. */
function readNodeSearchList(): WireName[] {
  try {
    return readSearchList('/etc/resolv.conf')
  } catch {
    return []
  }
}

export const kubernetes: Plugin = {
  name: 'kubernetes',
  repeatable: false,
  setup(cursor, block) {
    return new KubernetesInstance(readOptions(cursor, block.zones, block.directory), block)
  },
}

class KubernetesInstance implements Instance, ExternalSource {
  readonly #options: KubernetesOptions
  readonly #block: Block
  /** Of this thread; the memory behind it is the feed's. */
  readonly #image = new ZoneImage()
  readonly primary: ImagePrimary
  readonly #author: number
  readonly output: Instance['output']
  #feed: Feed | undefined
  #keeper: SnapshotKeeper | undefined
  readonly #topology: Topology | undefined
  #clients: Clients | undefined
  #external: { readonly options: ExternalOptions; readonly follower: ExternalFollower } | undefined
  /** Labels of Pods that somebody reads. */
  readonly #labels = new Set<string>()
  readonly #unfollows: (() => void)[] = []

  constructor(options: KubernetesOptions, block: Block) {
    this.#options = options
    this.output = options.snapshot
    this.#block = block
    const { zones, ttlSeconds, negativeTtlSeconds = ttlSeconds } = options
    this.primary = new ImagePrimary(zones.map(toWire), negativeTtlSeconds)
    block.board.follow(IMAGE, (buffer: SharedArrayBuffer) => this.#image.attach(buffer))
    block.board.follow(HISTORY, (memory: HistoryMemory) => this.primary.attach(memory))
    this.#topology = options.topology ? this.#openTopology() : undefined
    this.#author = joinChain(block, 'kubernetes')
  }

  handler(next: Handler): Handler {
    const { zones, ttlSeconds, negativeTtlSeconds = ttlSeconds, maxAnswers, pods, fallthrough } = this.#options
    const query = {
      zones: zones.map(toWire),
      ttlSeconds,
      negativeTtlSeconds,
      maxAnswers,
      podsInsecure: pods === 'insecure',
      fallthrough: fallthrough.map(toWire),
    }
    const block = this.#block
    const resolver: Handler = { serve: (asked, reply) => block.resolver.serve(asked, reply) }
    return new KubernetesHandler(this.#image, query, this.#author, next, resolver, this.#topology)
  }

  searchPath(): SearchPath {
    return new PodSearchPath(this.#openClients(), this.#options.zones.map(toWire), readNodeSearchList())
  }

  followExternal(options: ExternalOptions, follower: ExternalFollower): void {
    this.#external = { options, follower }
    const { board } = this.#block
    board.follow(EXTERNAL, follower.onImage)
    board.follow(EXTERNAL_HISTORY, (memory: HistoryMemory) => follower.primary.attach(memory))
  }

  metadata(label: string): Metadata | undefined {
    const { zones, multicluster, zonal } = this.#options
    const field = Object.hasOwn(CLIENT_LABELS, label) ? CLIENT_LABELS[label] : undefined
    if (field !== undefined) {
      const clients = this.#openClients()
      return ({ clientAddress }) => (clients.find(clientAddress, field) ? clients.found : undefined)
    }
    if (label.startsWith(CLIENT_LABEL)) return this.#labelMetadata(label.slice(CLIENT_LABEL.length))
    return nameMetadata(zones.map(toWire), multicluster.map(toWire), zonal)(label)
  }

  /** Slices say who has an address, but nothing of its labels. */
  #labelMetadata(key: string): Metadata | undefined {
    if (this.#options.pods !== 'verified') return undefined
    this.#labels.add(key)
    const clients = this.#openClients()
    const octets = Buffer.from(key)
    return ({ clientAddress }) => (clients.findLabel(clientAddress, octets) ? clients.found : undefined)
  }

  /** The history goes to `name` on the board; undefined where none is kept. */
  #archive(primary: ExternalFollower['primary'], name: string): ArchiveFollower | undefined {
    if (!primary.isKept) return undefined
    return { onHistory: memory => this.#block.board.post(name, memory), onMove: () => primary.tell() }
  }

  /** The table is kept if somebody has asked for it before the start. */
  #openClients(): Clients {
    if (this.#clients) return this.#clients
    const image = new ZoneImage()
    this.#block.board.follow(CLIENTS, (buffer: SharedArrayBuffer) => image.attach(buffer))
    this.#clients = new Clients(image)
    return this.#clients
  }

  #openTopology(): Topology {
    const image = new ZoneImage()
    this.#block.board.follow(TOPOLOGY, (buffer: SharedArrayBuffer) => image.attach(buffer))
    return new Topology(image, this.#openClients())
  }

  ready(): boolean {
    return this.#feed?.isReady ?? false
  }

  remark(): string | undefined {
    const seconds = this.#feed?.staleSeconds
    if (seconds === undefined) return undefined
    const age = formatDuration(Math.ceil(seconds) * 1000)
    return `answers from a snapshot that is ${age} old: the API has not told everything yet`
  }

  control(process: ControlContext): ControlPhases {
    const stopped = new AbortController()
    let isEnding = false
    return {
      start: () => this.#start(process, stopped.signal),
      settle: () => this.#settle(process, stopped.signal),
      activate: () => {
        this.#feed?.activate()
        this.#keeper?.start()
      },
      // What comes later may be too late: the process has only so much time.
      lameduck: async () => {
        isEnding = true
        await this.#keeper?.save()
      },
      stop: async () => {
        stopped.abort()
        if (isEnding) await this.#keeper?.save()
        await this.#keeper?.stop()
        for (const unfollow of this.#unfollows) unfollow()
        await this.#feed?.release()
      },
    }
  }

  /** Reads the file, unless there is more to know from a feed that runs. */
  async #openSnapshot(feed: Feed, process: ControlContext, running: readonly Feed[]): Promise<void> {
    const { snapshot } = this.#options
    if (!snapshot) return
    const { SnapshotKeeper } = await import('./snapshot.ts')
    this.#keeper = new SnapshotKeeper(snapshot, this.#options, feed, process)
    if (!running.some(other => other === feed || other.isActive)) await this.#keeper.load()
  }

  /** Begins to ask the API. */
  async #start(process: ControlContext, stopped: AbortSignal): Promise<void> {
    // Loaded when it is needed: threads that only answer have no room for what watches.
    const { findFeed, listFeeds } = await import('./feed.ts')
    if (stopped.aborted) return
    const { addresses, board } = this.#block
    const feed = findFeed(this.#options, addresses, [...this.#labels].sort(), process)
    await this.#openSnapshot(feed, process, listFeeds(process))
    if (stopped.aborted) return
    this.#feed = feed
    const started = feed.hold()
    this.#unfollows.push(feed.follow(buffer => board.post(IMAGE, buffer)))
    const archived = this.#archive(this.primary, HISTORY)
    if (archived) this.#unfollows.push(feed.followHistory(archived))
    if (this.#clients) this.#unfollows.push(feed.followClients(buffer => board.post(CLIENTS, buffer)))
    if (this.#topology) this.#unfollows.push(feed.followTopology(buffer => board.post(TOPOLOGY, buffer)))
    if (this.#external) {
      const { options, follower } = this.#external
      const post = (image: SharedArrayBuffer): Promise<void> => board.post(EXTERNAL, image)
      const archived = this.#archive(follower.primary, EXTERNAL_HISTORY)
      this.#unfollows.push(feed.followExternal(options, post, archived))
    }
    await started
  }

  /**
   * Waits for the API as long as `startup_timeout` says, then lets the server run without it: unless a configuration answers that has heard
   * its API, which is worth more than one that has not.
   */
  async #settle(process: ControlContext, stopped: AbortSignal): Promise<void> {
    const feed = this.#feed
    // One that is taken over may wait for its API still: then it is no worse than before.
    if (!feed || feed.isReady || feed.isActive) return
    const deadline = new AbortController()
    const { startupTimeoutMs } = this.#options
    const signal = AbortSignal.any([deadline.signal, stopped])
    const isInTime = await Promise.race([
      feed.synced.then(() => true),
      delay(startupTimeoutMs, false, { signal }).catch(() => false),
    ])
    deadline.abort()
    if (isInTime || stopped.aborted) return
    const { listFeeds } = await import('./feed.ts')
    if (listFeeds(process).some(other => other.isActive && other.isReady)) {
      const after = formatDuration(startupTimeoutMs)
      throw new TransientError(`plugin/kubernetes: the Kubernetes API has not told everything within ${after}`)
    }
    process.log.warn('plugin/kubernetes: starting server with unsynced Kubernetes API')
  }
}
