// Messages over a stream: each comes after its length in two octets (RFC 1035 section 4.2.2), many on one connection
// (RFC 7766 section 6.2.1.1), cut into chunks anywhere.

import { read16 } from './query.ts'

export const FRAME_HEAD_LENGTH = 2

/** Takes the message `bytes[start, end)`, which is valid during the call. `false` halts: the messages after it wait for the next push. */
export type OnMessage = (bytes: Buffer, start: number, end: number) => boolean | undefined

/** A begun message waits in this much room at first. Most queries fit, and a client that promises 65,535 octets has to send them first. */
const FIRST_ROOM = 512

/** Puts messages together from the chunks of one connection. Holds less than one message and one chunk. */
export class FrameReader {
  /** `#room[0, #held)` is what came and was not handed out yet. The room doubles: a client that sends octet by octet costs no more. */
  #room: Buffer | undefined
  #held = 0

  /** Whether octets are here that were not handed out: part of a message, or more after a halt. */
  get isMidway(): boolean {
    return this.#held > 0
  }

  /** Octets of memory that this takes. */
  get size(): number {
    return this.#room?.length ?? 0
  }

  /** Takes a chunk (an empty one to go on after a halt) and calls `onMessage` for each message that is complete. */
  push(chunk: Buffer, onMessage: OnMessage): void {
    const bytes = this.#held > 0 ? this.#append(chunk) : chunk
    const end = this.#held > 0 ? this.#held : chunk.length
    let at = 0
    while (end - at >= FRAME_HEAD_LENGTH) {
      const start = at + FRAME_HEAD_LENGTH
      const next = start + read16(bytes, at)
      if (next > end) break
      at = next
      if (onMessage(bytes, start, next) === false) break
    }
    this.#keep(bytes, at, end)
  }

  #append(chunk: Buffer): Buffer {
    const held = this.#held
    this.#held += chunk.length
    if (!this.#room || this.#room.length < this.#held) {
      const room = Buffer.allocUnsafeSlow(Math.max(this.#held, 2 * held, FIRST_ROOM))
      this.#room?.copy(room, 0, 0, held)
      this.#room = room
    }
    chunk.copy(this.#room, held)
    return this.#room
  }

  #keep(bytes: Buffer, at: number, end: number): void {
    this.#held = end - at
    if (this.#held === 0) this.#room = undefined
    else if (bytes === this.#room) bytes.copyWithin(0, at, end)
    else {
      this.#room = Buffer.allocUnsafeSlow(Math.max(this.#held, FIRST_ROOM))
      bytes.copy(this.#room, 0, at, end)
    }
  }
}
