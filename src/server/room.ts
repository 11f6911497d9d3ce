// Memory for replies. Most are short, and a query that waits has written next to nothing of its own: it holds a short room, and the reply moves
// to a long one when it is written and needs it. So those that wait cost the same whatever they wait for.

import { MAX_MESSAGE_SIZE } from '../wire/constants.ts'
import { FRAME_HEAD_LENGTH } from '../wire/frame.ts'

/** Question, OPT and some records. */
export const SHORT_ROOM = 1_024
/** The longest message, behind its length. */
export const LONG_ROOM = FRAME_HEAD_LENGTH + MAX_MESSAGE_SIZE
/** Long rooms that are kept: those of one turn of the event loop, in which 64 KB of answers come from another server. */
const MAX_FREE = 32

export class LongRooms {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(LONG_ROOM)
  }

  giveBack(room: Buffer): void {
    if (this.#free.length < MAX_FREE) this.#free.push(room)
  }
}
