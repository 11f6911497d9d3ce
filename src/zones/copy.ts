// The records of one zone, out of blocks, in the messages of a transfer (RFC 5936).

import type { WireName } from '../wire/name.ts'
import { read16 } from '../wire/query.ts'
import { type Reply, Section } from '../wire/reply.ts'
import { type Blocks, countRecords, isWithin, nameAtOf, nameLengthOf, zoneEntries } from './blocks.ts'
import { SLOT_FREED } from './layout.ts'

/** Slots that are looked at before others have their turn; most may belong to other zones. */
const SLOTS_PER_TURN = 1 << 14
/** What stands before a record's rdata, behind its owner; and the owner in a block, a pointer. */
const HEAD_LENGTH = 10
const POINTER_LENGTH = 2
/** Behind this no pointer leads (RFC 1035 section 4.1.4). */
const MAX_POINTED = 0x3fff

export class ZoneCopy {
  readonly serial: number
  readonly #blocks: Blocks
  readonly #origin: WireName
  #slot = 0
  /** Where the next record is: which entry of the block, which record of the entry, and how far into the entry it begins. */
  #entry = 0
  #record = 0
  #recordAt = 0
  // Of the message that is written: offsets of names to point to; 0 when it has none yet.
  #originAt = 0
  #ownerAt = 0

  /** `origin` is an apex, in lower case; `serial` is that of the zone as `blocks` have it. */
  constructor(blocks: Blocks, origin: WireName, serial: number) {
    this.serial = serial
    this.#blocks = blocks
    this.#origin = origin
  }

  /**
   * Writes the next records into the answer section, each once. Returns whether that was all; if not, the reply is full, or others should have
   * their turn before more is looked for.
   */
  write(reply: Reply): boolean {
    const { slots } = this.#blocks
    this.#originAt = 0
    const end = Math.min(slots.length, this.#slot + SLOTS_PER_TURN)
    for (; this.#slot < end; this.#slot++) {
      const block = slots[this.#slot]
      if (block <= SLOT_FREED || !isWithin(this.#blocks, block, this.#origin)) continue
      this.#ownerAt = 0
      if (!this.#writeBlock(reply, block)) return false
    }
    return this.#slot === slots.length
  }

  /** False when the reply is full. */
  #writeBlock(reply: Reply, block: number): boolean {
    const { words, bytes } = this.#blocks
    const nameLength = nameLengthOf(this.#blocks, block)
    const entries = zoneEntries(this.#blocks, block)
    for (; this.#entry < entries.length; this.#entry++) {
      const entry = entries[this.#entry]
      const from = block + words[entry + 1]
      for (; this.#record < countRecords(words, entry); this.#record++) {
        const at = from + this.#recordAt + POINTER_LENGTH
        const length = HEAD_LENGTH + read16(bytes, at + 8)
        if (!reply.hasRoom(nameLength + POINTER_LENGTH + length)) return false
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
    const at = reply.size
    const nameLength = nameLengthOf(this.#blocks, block)
    const skip = nameLength - this.#origin.length
    const isFirst = this.#originAt === 0
    reply.copy(this.#blocks.bytes, nameAtOf(this.#blocks, block), isFirst ? nameLength : skip)
    if (isFirst) this.#originAt = at + skip
    else reply.write16(0xc000 | this.#originAt)
    if (at <= MAX_POINTED) this.#ownerAt = at
  }
}
