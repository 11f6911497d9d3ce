/** Counts what is under way, and tells when nothing is any more. */
export class Tally {
  count = 0
  #onZero: (() => void) | undefined

  add(): void {
    this.count++
  }

  remove(): void {
    if (--this.count === 0) this.#onZero?.()
  }

  /** Resolves when nothing is under way, at the latest after `timeoutMs`. */
  async zero(timeoutMs: number): Promise<void> {
    if (this.count === 0) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#onZero = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#onZero = undefined
  }
}
