// One question on its way to an upstream server. Whoever asks keeps it and uses it again.

import { HEADER_LENGTH } from '../wire/constants.ts'
import { lowerOctet } from '../wire/name.ts'
import { read16 } from '../wire/query.ts'
import { Timed } from './wheel.ts'

/** Who asks. Each question that was asked comes to one of these, once. */
export interface Asker {
  /** The answer is `bytes[start, end)`, valid during the call: its id and its question are those of the message that was asked. */
  answered(bytes: Buffer, start: number, end: number): void
  /** There is no answer; `reason` is one line that says which server and why. */
  failed(reason: string): void
}

/** What waits for answers: a socket, a connection. */
export interface Carrier {
  /** The answer to this question is late. */
  expired(question: Question): void
}

/** Most questions fit; a longer one gets a buffer of its size. */
const ROOM = 512

export class Question extends Timed {
  readonly asker: Asker
  /** The message, `bytes[0, length)`. The id is written by the carrier. */
  bytes: Buffer = Buffer.allocUnsafeSlow(ROOM)
  length = 0
  id = 0
  /** How long an answer may take. */
  timeoutMs = 0
  /** When it was given to its carrier, as `performance.now()`. */
  askedMs = 0
  carrier: Carrier | undefined
  /** Which one of its socket's it is, as they were sent. */
  number = 0
  /** The connection had been in use before: the server may have closed it in the meantime (RFC 7766 section 6.2.4). */
  isOnReused = false
  isRetried = false

  constructor(asker: Asker) {
    super()
    this.asker = asker
  }

  /** Takes a copy of the message `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    this.length = end - start
    if (this.length > this.bytes.length) this.bytes = Buffer.allocUnsafeSlow(this.length)
    const { bytes } = this
    for (let i = start; i < end; i++) bytes[i - start] = source[i]
  }

  /** Frees the room of an unusually long message. */
  shrink(): void {
    if (this.bytes.length > ROOM) this.bytes = Buffer.allocUnsafeSlow(ROOM)
  }

  /** Whether the message `bytes[start, end)`, at least a header, is a response (QR) to this question: the name in any case, type, class
   * (RFC 5452 section 9.1). */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    const asked = this.bytes
    if ((bytes[start + 2] & 0x80) === 0 || read16(bytes, start + 4) !== 1) return false
    // The opcode, too: an answer repeats it (RFC 1035 section 4.1.1).
    if (((bytes[start + 2] ^ asked[2]) & 0x78) !== 0) return false
    let at = HEADER_LENGTH
    for (;;) {
      const label = asked[at]
      const labelEnd = at + label + 1
      if (start + labelEnd > end || bytes[start + at] !== label) return false
      for (at++; at < labelEnd; at++) if (lowerOctet(bytes[start + at]) !== lowerOctet(asked[at])) return false
      if (label === 0) break
    }
    if (start + at + 4 > end) return false
    for (const tail = at + 4; at < tail; at++) if (bytes[start + at] !== asked[at]) return false
    return true
  }

  override expire(): void {
    this.carrier?.expired(this)
  }
}
