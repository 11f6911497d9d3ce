import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import type { Handler } from '../../server/handler.ts'
import { type Block, type Instance, type Plugin, joinChain } from '../../server/plugin.ts'
import type { ApiConnection } from '../../watch/connection.ts'
import { parseAddress } from '../../wire/address.ts'
import { type WireName, parseName } from '../../wire/name.ts'
import { ZoneImage } from '../../zones/image.ts'
import { ZoneWriter } from '../../zones/writer.ts'
import { KubernetesHandler } from './kubernetes.ts'
import { type KubernetesMetrics, kubernetesMetrics } from './metrics.ts'
import { type KubernetesOptions, isReverseZone, readOptions } from './options.ts'
import { Publisher } from './publisher.ts'
import { connect, openWatches } from './source.ts'

export const kubernetes: Plugin = {
  name: 'kubernetes',
  repeatable: false,
  setup(cursor, block) {
    return new KubernetesInstance(readOptions(cursor, block.zones, block.directory), block)
  },
}

class KubernetesInstance implements Instance {
  readonly #options: KubernetesOptions
  readonly #block: Block
  readonly #writer: ZoneWriter
  readonly #image: ZoneImage
  readonly #author: number
  #publishers: Publisher[] = []
  #connection: ApiConnection | undefined
  #watches: ReturnType<typeof openWatches> = new Map()
  #isReady = false

  constructor(options: KubernetesOptions, block: Block) {
    this.#options = options
    this.#block = block
    this.#writer = new ZoneWriter(options.zones.map(toWire), buffer => this.#image.attach(buffer))
    this.#image = new ZoneImage(this.#writer.buffer)
    this.#author = joinChain(block, 'kubernetes')
  }

  handler(next: Handler): Handler {
    const { zones, ttlSeconds, pods, fallthrough } = this.#options
    const query = {
      zones: zones.map(toWire),
      ttlSeconds,
      podsInsecure: pods === 'insecure',
      fallthrough: fallthrough.map(toWire),
    }
    return new KubernetesHandler(this.#image, query, this.#author, next)
  }

  ready(): boolean {
    return this.#isReady
  }

  /** Waits for the API as long as `startup_timeout` says, then lets the server run without it. */
  async start(): Promise<void> {
    const { log, api, version, metrics } = this.#block.process
    const counts = kubernetesMetrics(metrics)
    const completed = this.#startPublishers(counts)
    this.#connection = await connect(this.#options, api, `kubezone/${version}`, counts.observer)
    const [cluster, clusterSet] = this.#publishers
    this.#watches = openWatches(this.#connection, this.#options, { cluster, clusterSet }, log)
    for (const [resource, watch] of this.#watches) {
      counts.follow(resource, watch.status)
      watch.start()
    }
    const deadline = new AbortController()
    const isInTime = await Promise.race([
      completed.then(() => true),
      delay(this.#options.startupTimeoutMs, false, { signal: deadline.signal }).catch(() => false),
    ])
    deadline.abort()
    if (!isInTime) log.warn('plugin/kubernetes: starting server with unsynced Kubernetes API')
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watches.values()].map(watch => watch.stop()))
    for (const publisher of this.#publishers) publisher.stop()
    await this.#connection?.close()
  }

  /** Resolves when all that the API holds has been published once. */
  #startPublishers({ onProgrammed }: KubernetesMetrics): Promise<void> {
    const { zones, multicluster, namespaces, pods } = this.#options
    const { ttlSeconds, endpointPodNames, noEndpoints, ignoreEmptyService } = this.#options
    const { log } = this.#block.process
    return new Promise(resolve => {
      const waiting = new Set<boolean>()
      const publish = (isMulticluster: boolean, forward: string[], reverse: string[]): void => {
        waiting.add(isMulticluster)
        const publisher = new Publisher(this.#writer, {
          records: { ttlSeconds, endpointPodNames, noEndpoints, ignoreEmptyService, isMulticluster },
          forwardOrigins: forward.map(toWire),
          reverseOrigins: reverse.map(toWire),
          namespaces,
          pods,
          localAddresses: listLocalAddresses(this.#block.addresses),
          onProgrammed,
          onComplete: () => {
            waiting.delete(isMulticluster)
            if (waiting.size > 0 || this.#isReady) return
            this.#becomeReady()
            resolve()
          },
          onFailure: error => log.error({ err: error }, 'plugin/kubernetes: a change could not be published'),
        })
        this.#publishers.push(publisher)
      }
      const forward = zones.filter(zone => !isReverseZone(zone) && !multicluster.includes(zone))
      publish(false, forward, zones.filter(isReverseZone))
      if (multicluster.length > 0) publish(true, multicluster, [])
    })
  }

  #becomeReady(): void {
    this.#isReady = true
    this.#writer.markComplete()
    const zones = this.#options.zones.join(' ')
    this.#block.process.log.info(`plugin/kubernetes: serving ${this.#writer.names} names in ${zones}`)
  }
}

/**
 * Where clients reach this server: the addresses of `bind`, else those of the interfaces. Loopback counts only where there is nothing else;
 * link-local addresses are no use in a record.
 */
function listLocalAddresses(bound: readonly string[]): Uint8Array[] {
  const listed = bound.filter(address => address !== '0.0.0.0' && address !== '::')
  const texts =
    listed.length > 0
      ? listed
      : Object.values(networkInterfaces()).flatMap(addresses => addresses?.map(({ address }) => address) ?? [])
  const addresses = texts
    .map(text => parseAddress(text.split('%', 1)[0]))
    .filter(address => address !== undefined)
    .filter(address => !isLinkLocal(address))
  const reachable = addresses.filter(address => !isLoopback(address))
  return reachable.length > 0 ? reachable : addresses
}

/** fe80::/10 (RFC 4291 section 2.5.6). In IPv4 they are what node-local caches bind to, and so are kept. */
const isLinkLocal = (address: Uint8Array): boolean =>
  address.length === 16 && address[0] === 0xfe && (address[1] & 0xc0) === 0x80

const isLoopback = (address: Uint8Array): boolean =>
  address.length === 4 ? address[0] === 127 : address[15] === 1 && address.subarray(0, 15).every(octet => octet === 0)

/** Zone names come from the Corefile's parser, which has checked them. */
const toWire = (zone: string): WireName => parseName(zone)!
