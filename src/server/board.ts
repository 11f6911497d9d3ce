// What a plugin has in the control thread for the handlers of all threads: shared memory, or news that can be copied. Each server block has a
// board of its own in each thread; what is posted on that of the control thread appears on the others.

/** Takes a post to the other threads; resolves when all of them have it. */
export type Carry = (name: string, value: unknown) => Promise<void>

export class Board {
  readonly #values: Map<string, unknown>
  readonly #followers = new Map<string, ((value: never) => void)[]>()
  readonly #carries = new Set<Carry>()

  /** `values` is what has been posted so far. */
  constructor(values: ReadonlyMap<string, unknown> = new Map()) {
    this.#values = new Map(values)
  }

  /** All that was posted last, by name. */
  get values(): ReadonlyMap<string, unknown> {
    return this.#values
  }

  /**
   * Puts `value` in the place of what was posted under the name before. It can be cloned (a SharedArrayBuffer is then the same memory in all
   * threads). Resolves when every thread has it.
   */
  async post(name: string, value: unknown): Promise<void> {
    this.#values.set(name, value)
    for (const follower of this.#followers.get(name) ?? []) follower(value as never)
    await Promise.all([...this.#carries].map(carry => carry(name, value)))
  }

  /**
   * Calls `onPost` with what is posted under the name: at once with what is there already, and with each later post. What
   * it takes is for those who post and those who follow to agree on.
   */
  follow(name: string, onPost: (value: never) => void): void {
    const followers = this.#followers.get(name) ?? []
    this.#followers.set(name, followers)
    followers.push(onPost)
    if (this.#values.has(name)) onPost(this.#values.get(name) as never)
  }

  /** From now on posts are carried on, too, until the function that it returns is called. */
  carry(carry: Carry): () => void {
    this.#carries.add(carry)
    return () => this.#carries.delete(carry)
  }
}
