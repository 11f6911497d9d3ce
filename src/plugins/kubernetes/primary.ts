// The zones of the image, whole, for `transfer`.

import { setTimeout as delay } from 'node:timers/promises'
import type { Primary, ZoneCopy } from '../../server/primary.ts'
import type { WireName } from '../../wire/name.ts'
import { type Reply, Section } from '../../wire/reply.ts'
import { ImageCopy } from '../../zones/copy.ts'
import type { ZoneImage } from '../../zones/image.ts'
import { addSoa } from '../../zones/soa.ts'

/** A flush takes milliseconds, and another thread hears of another image at its next turn. */
const MAX_TRIES = 1_000

export class ImagePrimary implements Primary {
  readonly origins: readonly WireName[]
  readonly #image: ZoneImage
  readonly #negativeTtlSeconds: number
  readonly #followers = new Set<() => void>()

  constructor(image: ZoneImage, origins: readonly WireName[], negativeTtlSeconds: number) {
    this.#image = image
    this.origins = origins
    this.#negativeTtlSeconds = negativeTtlSeconds
  }

  get serial(): number | undefined {
    return this.#image.isComplete ? this.#image.serial : undefined
  }

  addSoa(reply: Reply, serial: number): void {
    addSoa(reply, Section.Answer, 0, this.#negativeTtlSeconds, serial)
  }

  async copy(origin: WireName): Promise<ZoneCopy | undefined> {
    for (let i = 0; i < MAX_TRIES && this.#image.isComplete; i++) {
      const frozen = this.#image.freeze()
      if (frozen) return new ImageCopy(frozen, origin)
      await delay(1)
    }
    return undefined
  }

  follow(onMove: () => void): () => void {
    this.#followers.add(onMove)
    if (this.serial !== undefined) onMove()
    return () => this.#followers.delete(onMove)
  }

  /** For those who follow. */
  tell(): void {
    for (const follower of this.#followers) follower()
  }
}
