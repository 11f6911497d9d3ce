// The records of one zone, out of a frozen image, in the messages of a transfer (RFC 5936).

import type { WireName } from '../wire/name.ts'
import { read16 } from '../wire/query.ts'
import { type Reply, Section } from '../wire/reply.ts'
import type { FrozenImage } from './image.ts'
import { BLOCK_WORDS, ENTRY_WORDS, SLOT_FREED } from './layout.ts'

/** Slots that are looked at before others have their turn; most may belong to other zones. */
const SLOTS_PER_TURN = 1 << 14
/** What stands before a record's rdata, behind its owner; and the owner in a block, a pointer. */
const HEAD_LENGTH = 10
const POINTER_LENGTH = 2
/** Behind this no pointer leads (RFC 1035 section 4.1.4). */
const MAX_POINTED = 0x3fff

export class ImageCopy {
  readonly serial: number
  readonly #image: FrozenImage
  readonly #origin: WireName
  #slot = 0
  /** Where the next record is: which entry of the block, which record of the entry, and how far into the entry it begins. */
  #entry = 0
  #record = 0
  #recordAt = 0
  // Of the message that is written: offsets of names to point to; 0 when it has none yet.
  #originAt = 0
  #ownerAt = 0

  /** `origin` is an apex of the image, in lower case. */
  constructor(image: FrozenImage, origin: WireName) {
    this.serial = image.serial
    this.#image = image
    this.#origin = origin
  }

  /** As `ZoneCopy` says. */
  write(reply: Reply): boolean {
    const { slots } = this.#image
    this.#originAt = 0
    const end = Math.min(slots.length, this.#slot + SLOTS_PER_TURN)
    for (; this.#slot < end; this.#slot++) {
      const block = slots[this.#slot]
      if (block <= SLOT_FREED || !this.#isWithin(block)) continue
      this.#ownerAt = 0
      if (!this.#writeBlock(reply, block)) return false
    }
    return this.#slot === slots.length
  }

  #isWithin(block: number): boolean {
    const { bytes } = this.#image
    const origin = this.#origin
    const at = this.#nameAt(block)
    const skip = this.#nameLength(block) - origin.length
    if (skip < 0) return false
    for (let i = 0; i < origin.length; i++) if (bytes[at + skip + i] !== origin[i]) return false
    // The same octets may also end the label of another name.
    let label = 0
    while (label < skip) label += bytes[at + label] + 1
    return label === skip
  }

  /** False when the reply is full. */
  #writeBlock(reply: Reply, block: number): boolean {
    const { words, bytes } = this.#image
    const count = (words[(block >> 2) + 3] >> 8) & 0xff
    for (; this.#entry < count; this.#entry++) {
      const entry = (block >> 2) + BLOCK_WORDS + this.#entry * ENTRY_WORDS
      const from = block + words[entry + 1]
      for (; this.#record < words[entry] >>> 16; this.#record++) {
        const at = from + this.#recordAt + POINTER_LENGTH
        const length = HEAD_LENGTH + read16(bytes, at + 8)
        if (!reply.hasRoom(this.#nameLength(block) + POINTER_LENGTH + length)) return false
        this.#writeOwner(reply, block)
        reply.copy(bytes, at, length)
        reply.counts[Section.Answer]++
        this.#recordAt += POINTER_LENGTH + length
      }
      this.#record = 0
      this.#recordAt = 0
    }
    this.#entry = 0
    return true
  }

  /**
   * The first owner of a message is written whole, in lower case, and the others point into it: the question has the client's spelling, and a
   * transfer keeps the zone's (RFC 5936 section 3.4).
   */
  #writeOwner(reply: Reply, block: number): void {
    if (this.#ownerAt !== 0) {
      reply.write16(0xc000 | this.#ownerAt)
      return
    }
    const { bytes } = this.#image
    const at = reply.size
    const nameAt = this.#nameAt(block)
    const nameLength = this.#nameLength(block)
    const skip = nameLength - this.#origin.length
    reply.copy(bytes, nameAt, this.#originAt === 0 ? nameLength : skip)
    if (this.#originAt === 0) this.#originAt = at + skip
    else reply.write16(0xc000 | this.#originAt)
    if (at <= MAX_POINTED) this.#ownerAt = at
  }

  #nameLength(block: number): number {
    return this.#image.words[(block >> 2) + 3] & 0xff
  }

  #nameAt(block: number): number {
    const count = (this.#image.words[(block >> 2) + 3] >> 8) & 0xff
    return block + (BLOCK_WORDS + count * ENTRY_WORDS) * 4
  }
}
