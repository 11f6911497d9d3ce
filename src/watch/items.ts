import { decode, MAX_DOCUMENT_BYTES } from './line.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Depth of nesting inside the list object, inside its array, and inside an item of that. */
const LIST = 1
const ARRAY = 2
const ITEM = 3
const NOTHING = new Uint8Array(0)

/**
 * Cuts the JSON of one list (`{"kind":"ServiceList","metadata":{…},"items":[{…},{…}]}`) into its items while it streams
 * by, so that a page is never held as one text or one tree. All the structure that it knows: a list has one array at
 * its top, and that array holds the items. Octets of a UTF-8 sequence are never mistaken for structure, as they are all
 * above 0x7f.
 */
export class ItemSplitter {
  readonly #maxItemBytes: number
  #depth = 0
  #inString = false
  #escaped = false
  #inArray = false
  #item: Uint8Array[] = []
  #envelope: Uint8Array[] = []
  #heldBytes = 0

  constructor(maxItemBytes = MAX_DOCUMENT_BYTES) {
    this.#maxItemBytes = maxItemBytes
  }

  /**
   * Hands the JSON of each item that `chunk` completes to `take`, for the time of the call. What is in the chunk may be written over afterwards. Throws
   * RangeError when an item, or the list around them, is too long.
   */
  push(chunk: Uint8Array, take: (item: Uint8Array) => void): void {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const octet = chunk[at]
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (octet === BACKSLASH) this.#escaped = true
        else if (octet === QUOTE) this.#inString = false
      } else if (octet === QUOTE) {
        this.#inString = true
      } else if (octet === OPEN_BRACE || octet === OPEN_BRACKET) {
        this.#depth++
        if (this.#depth === ARRAY && octet === OPEN_BRACKET) {
          this.#inArray = true
          this.#hold(this.#envelope, chunk.subarray(start, at + 1))
        } else if (this.#depth === ITEM && this.#inArray) {
          start = at
        }
      } else if (octet === CLOSE_BRACE || octet === CLOSE_BRACKET) {
        this.#depth--
        if (this.#depth === ARRAY && this.#inArray) {
          take(this.#release(this.#item, chunk.subarray(start, at + 1)))
        } else if (this.#depth === LIST && this.#inArray) {
          this.#inArray = false
          start = at
        }
      }
    }
    if (!this.#inArray) this.#hold(this.#envelope, chunk.subarray(start))
    else if (this.#depth >= ITEM) this.#hold(this.#item, chunk.subarray(start))
  }

  /** The list without its items. Throws SyntaxError when the stream was cut off or is not JSON. */
  finish(): unknown {
    if (this.#depth !== 0) throw new SyntaxError('the list ends in the middle')
    return JSON.parse(decode(this.#release(this.#envelope, NOTHING)))
  }

  /** A copy, as the chunk is someone else's. */
  #hold(pieces: Uint8Array[], piece: Uint8Array): void {
    this.#count(piece)
    pieces.push(Buffer.from(piece))
  }

  #count(piece: Uint8Array): void {
    this.#heldBytes += piece.length
    if (this.#heldBytes > this.#maxItemBytes) {
      throw new RangeError(`an item of ${this.#heldBytes} bytes or more, where ${this.#maxItemBytes} is the most`)
    }
  }

  /** What was held, and its end. */
  #release(pieces: Uint8Array[], end: Uint8Array): Uint8Array {
    this.#count(end)
    const bytes = pieces.length === 0 ? end : Buffer.concat([...pieces, end])
    this.#heldBytes -= bytes.length
    pieces.length = 0
    return bytes
  }
}
