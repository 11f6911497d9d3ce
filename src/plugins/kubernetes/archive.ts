// What secondaries are given of an image, on the control side: kept from when somebody follows it until nobody does.

import { type HistoryMemory, Journal } from '../../zones/journal.ts'
import type { ZoneWriter } from '../../zones/writer.ts'

export interface ArchiveFollower {
  /** Takes the history to all threads: once all is published, and whenever it is in other memory. */
  onHistory(memory: HistoryMemory): Promise<void>
  /** All threads have the zones with a new serial. */
  onMove(): void
}

export class Archive {
  readonly #writer: ZoneWriter
  readonly #followers = new Set<ArchiveFollower>()
  #journal: Journal | undefined
  #handedOver: Promise<unknown> = Promise.resolve()

  constructor(writer: ZoneWriter) {
    this.#writer = writer
    writer.onComplete = () => this.#open()
    writer.onSerial = () => this.#advance()
  }

  /** Resolves when all that follow have the history. */
  get handedOver(): Promise<unknown> {
    return this.#handedOver
  }

  /** Until the function that it returns is called. */
  follow(follower: ArchiveFollower): () => void {
    this.#followers.add(follower)
    if (this.#journal) this.#handOver([follower], this.#journal)
    else this.#open()
    return () => {
      this.#followers.delete(follower)
      if (this.#followers.size === 0) this.#journal = undefined
    }
  }

  #open(): void {
    // With a serial of before the start, a secondary may have zones that were others.
    if (this.#followers.size === 0 || !this.#writer.isComplete || this.#writer.isResumed) return
    this.#journal = new Journal(this.#writer)
    this.#handOver([...this.#followers], this.#journal)
  }

  #advance(): void {
    if (!this.#journal) {
      this.#open()
      return
    }
    const followers = [...this.#followers]
    if (this.#journal.advance()) this.#handOver(followers, this.#journal)
    else void this.#tell(followers)
  }

  #handOver(followers: readonly ArchiveFollower[], { memory }: Journal): void {
    this.#handedOver = Promise.all([this.#handedOver, ...followers.map(follower => follower.onHistory(memory))])
    void this.#tell(followers)
  }

  async #tell(followers: readonly ArchiveFollower[]): Promise<void> {
    await this.#handedOver
    for (const follower of followers) if (this.#followers.has(follower)) follower.onMove()
  }
}
