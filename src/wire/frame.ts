// Messages over a stream: each comes after its length in two octets (RFC 1035 section 4.2.2), many on one connection
// (RFC 7766 section 6.2.1.1), cut into chunks anywhere.

import { read16 } from './query.ts'

export const FRAME_HEAD_LENGTH = 2

/** Puts messages together from the chunks of one connection. Holds less than one message and one chunk. */
export class FrameReader {
  /** Chunks of a message that is not complete. They are joined once, when it is: a client that sends octet by octet costs no more. */
  #chunks: Buffer[] = []
  #held = 0
  /** Octets that must be here before there is anything to do. */
  #needed = FRAME_HEAD_LENGTH

  /** Whether part of a message is here and the rest is awaited. */
  get isMidway(): boolean {
    return this.#held > 0
  }

  /** Takes a chunk and calls `onMessage` for each message that is complete: `bytes[start, end)`, valid during the call. */
  push(chunk: Buffer, onMessage: (bytes: Buffer, start: number, end: number) => void): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#needed) return
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    let at = 0
    for (;;) {
      const left = bytes.length - at
      this.#needed = left < FRAME_HEAD_LENGTH ? FRAME_HEAD_LENGTH : FRAME_HEAD_LENGTH + read16(bytes, at)
      if (left < this.#needed) break
      const start = at + FRAME_HEAD_LENGTH
      at += this.#needed
      onMessage(bytes, start, at)
    }
    this.#held = bytes.length - at
    this.#chunks = this.#held === 0 ? [] : [bytes.subarray(at)]
  }
}
