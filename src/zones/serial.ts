// The serials of a zone: the seconds of the clock, as in CoreDNS, so that they grow over restarts too (RFC 1982). A zone that changes more than
// once in a second has its next serial in the next one: counting on would run ahead of the clock, and after a restart secondaries would hold
// the zone for newer than it is.

const SECOND_MS = 1000

export class SerialClock {
  readonly #onSerial: (serial: number) => void
  #last = 0
  #isDue = false

  constructor(onSerial: (serial: number) => void) {
    this.#onSerial = onSerial
  }

  /** The zone has changed: calls with the next serial, at once or when the second is over in which the last one was. Returns it. */
  tick(): number {
    const now = Math.floor(Date.now() / SECOND_MS)
    if (now > this.#last) {
      this.#advance(now)
      return now >>> 0
    }
    // It grows even when the clock has been set back.
    const next = this.#last + 1
    if (!this.#isDue) {
      this.#isDue = true
      setTimeout(
        () => {
          if (this.#isDue) this.#advance(next)
        },
        SECOND_MS - (Date.now() % SECOND_MS) + 1,
      ).unref()
    }
    return next >>> 0
  }

  /** Goes on from a serial that was given out before: the next is greater. */
  resume(serial: number): void {
    this.#last = serial
  }

  #advance(serial: number): void {
    this.#isDue = false
    this.#last = serial
    this.#onSerial(serial >>> 0)
  }
}
