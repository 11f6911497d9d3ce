import { setTimeout as delay } from 'node:timers/promises'
import type { Handler } from '../../server/handler.ts'
import type { Metadata } from '../../server/metadata.ts'
import { type Block, type Instance, type Plugin, TransientError, joinChain } from '../../server/plugin.ts'
import { formatDuration } from '../duration.ts'
import { type Feed, findFeed, listFeeds, toWire } from './feed.ts'
import { KubernetesHandler } from './kubernetes.ts'
import { nameMetadata } from './metadata.ts'
import { type KubernetesOptions, readOptions } from './options.ts'

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
  readonly #feed: Feed
  readonly #author: number
  readonly #stopped = new AbortController()
  #isHeld = false

  constructor(options: KubernetesOptions, block: Block) {
    this.#options = options
    this.#block = block
    this.#feed = findFeed(options, block.addresses, block.process)
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
    return new KubernetesHandler(this.#feed.image, query, this.#author, next, resolver)
  }

  metadata(label: string): Metadata | undefined {
    const { zones, multicluster } = this.#options
    return nameMetadata(zones.map(toWire), multicluster.map(toWire))(label)
  }

  ready(): boolean {
    return this.#feed.isReady
  }

  /**
   * Waits for the API as long as `startup_timeout` says, then lets the server run without it: unless a configuration answers that has heard
   * its API, which is worth more than one that has not.
   */
  async start(): Promise<void> {
    const feed = this.#feed
    this.#isHeld = true
    await feed.hold()
    // One that is taken over may wait for its API still: then it is no worse than before.
    if (feed.isReady || feed.isActive) return
    const deadline = new AbortController()
    const { startupTimeoutMs } = this.#options
    const signal = AbortSignal.any([deadline.signal, this.#stopped.signal])
    const isInTime = await Promise.race([
      feed.synced.then(() => true),
      delay(startupTimeoutMs, false, { signal }).catch(() => false),
    ])
    deadline.abort()
    if (isInTime || this.#stopped.signal.aborted) return
    const { process } = this.#block
    if (listFeeds(process).some(other => other.isActive && other.isReady)) {
      const after = formatDuration(startupTimeoutMs)
      throw new TransientError(`plugin/kubernetes: the Kubernetes API has not told everything within ${after}`)
    }
    process.log.warn('plugin/kubernetes: starting server with unsynced Kubernetes API')
  }

  activate(): void {
    this.#feed.activate()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    if (this.#isHeld) await this.#feed.release()
  }
}
