// Where an image is that others read: where its writer has it or, until that has heard everything, where a snapshot was read to.

/** Resolves when it has the image. */
export type OnImage = (image: SharedArrayBuffer) => Promise<void>

export class Exposure {
  readonly #writer: { readonly buffer: SharedArrayBuffer }
  readonly #followers = new Set<OnImage>()
  #standIn: SharedArrayBuffer | undefined
  #handedOver: Promise<unknown> = Promise.resolve()

  /** Without `standIn` it is the writer's image that is shown. */
  constructor(writer: { readonly buffer: SharedArrayBuffer }, standIn?: SharedArrayBuffer) {
    this.#writer = writer
    this.#standIn = standIn
  }

  /** Resolves when all that follow have the image. */
  get handedOver(): Promise<unknown> {
    return this.#handedOver
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0
  }

  /** Hands over the image, at once and whenever it is elsewhere, until the function that it returns is called. */
  follow(onImage: OnImage): () => void {
    this.#followers.add(onImage)
    this.#tell([onImage])
    return () => this.#followers.delete(onImage)
  }

  /** The writer has moved its image to other memory. */
  move(): void {
    if (!this.#standIn) this.#tell(this.#followers)
  }

  /** Shows another image than the writer's, until `reveal`. */
  standIn(image: SharedArrayBuffer): void {
    this.#standIn = image
    this.#tell(this.#followers)
  }

  reveal(): void {
    if (!this.#standIn) return
    this.#standIn = undefined
    this.#tell(this.#followers)
  }

  #tell(followers: Iterable<OnImage>): void {
    const image = this.#standIn ?? this.#writer.buffer
    this.#handedOver = Promise.all([this.#handedOver, ...[...followers].map(follower => follower(image))])
  }
}
