// Keeps on disk what a feed knows (`snapshot`), and starts with what another process has kept. The first answers are then there before the API
// has been heard.

import { setTimeout as delay } from 'node:timers/promises'
import type { ControlContext } from '../../server/plugin.ts'
import { ZoneImage, type FrozenImage } from '../../zones/image.ts'
import { formatDuration } from '../duration.ts'
import type { Feed } from './feed.ts'
import { kubernetesMetrics, type SnapshotCounts } from './metrics.ts'
import { type KubernetesOptions, type SnapshotOptions, describeContent } from './options.ts'
import { SnapshotError, readSnapshot, removeLeftovers, writeSnapshot } from './snapshotfile.ts'

/** Who writes each file, of each process: of a reload, both configurations may name the same. */
const running = new WeakMap<ControlContext, Map<string, SnapshotKeeper>>()

export class SnapshotKeeper {
  readonly #file: string
  readonly #intervalMs: number
  readonly #key: string
  readonly #feed: Feed
  readonly #process: ControlContext
  readonly #counts: SnapshotCounts
  readonly #stopped = new AbortController()
  /** Of what was written last: which images, and which revision of each. */
  #written = ''
  #isFailing = false
  #writing: Promise<void> = Promise.resolve()
  #hide = (): void => {}

  constructor({ file, intervalMs }: SnapshotOptions, options: KubernetesOptions, feed: Feed, process: ControlContext) {
    this.#file = file
    this.#intervalMs = intervalMs
    this.#key = describeContent(options)
    this.#feed = feed
    this.#process = process
    this.#counts = kubernetesMetrics(process.metrics).snapshot(file)
  }

  /** Has the feed answer from what the file holds, if that is to be believed. Before the feed is held. */
  async load(): Promise<void> {
    const { log } = this.#process
    const name = `plugin/kubernetes: the snapshot ${this.#file}`
    try {
      const snapshot = await readSnapshot(this.#file, this.#key)
      if (snapshot) this.#feed.assume(snapshot)
      else log.info(`${name} is not there yet: waiting for the API`)
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error
      log.warn(
        `${name} is not used: ${error.message}. Starting without, it is written anew when the API has been heard`,
      )
    }
  }

  /** Writes from now on, in place of who wrote this file before. */
  start(): void {
    const keepers = running.get(this.#process) ?? new Map<string, SnapshotKeeper>()
    running.set(this.#process, keepers)
    const before = keepers.get(this.#file)
    keepers.set(this.#file, this)
    this.#hide = this.#counts.followAge(() => this.#feed.staleSeconds ?? 0)
    void this.#run(before)
  }

  async #run(before: SnapshotKeeper | undefined): Promise<void> {
    const { signal } = this.#stopped
    await before?.stop()
    await removeLeftovers(this.#file).catch(() => {})
    const stopped = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve()))
    await Promise.race([this.#feed.synced, stopped])
    while (!signal.aborted) {
      await this.save()
      await delay(this.#intervalMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Writes what is known, if that is all, and something else than what was written last. Does not reject. */
  save(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#save())
    return this.#writing
  }

  async #save(): Promise<void> {
    if (this.#stopped.signal.aborted || !this.#feed.isSynced) return
    const images = new Map([...this.#feed.images].map(([name, buffer]) => [name, new ZoneImage(buffer)]))
    const written = [...images].map(([name, { revision }]) => `${name} ${revision}`).join('\n')
    if (written === this.#written) return
    // The writer is in this thread: it is not in the middle of a change.
    const frozen = new Map<string, FrozenImage>([...images].map(([name, image]) => [name, image.freeze()!]))
    try {
      await writeSnapshot(this.#file, this.#key, Date.now(), frozen)
    } catch (error) {
      this.#fail(error as Error)
      return
    } finally {
      for (const { release } of frozen.values()) release()
    }
    this.#written = written
    this.#counts.writes.inc()
    if (this.#isFailing) this.#process.log.info(`plugin/kubernetes: the snapshot ${this.#file} is written again`)
    this.#isFailing = false
  }

  #fail({ message }: Error): void {
    this.#counts.failures.inc()
    if (this.#isFailing) return
    this.#isFailing = true
    const every = formatDuration(this.#intervalMs)
    this.#process.log.error(
      `plugin/kubernetes: the snapshot ${this.#file} cannot be written: ${message}; let its folder be a volume that ` +
        `this user can write. Trying again every ${every}, a start until then has what was written last`,
    )
  }

  /** Resolves when nothing is written any more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#hide()
    const keepers = running.get(this.#process)
    if (keepers?.get(this.#file) === this) keepers.delete(this.#file)
    await this.#writing
  }
}
