// The records of an answer moved as they are behind another question: only the pointers in them change. What cannot be moved so is copied
// record by record, and then names are written out.

import { MAX_POINTER, RDATA_NAMES } from '../../wire/compression.ts'
import { HEADER_LENGTH, QUESTION_POINTER, Type } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import type { Query } from '../../wire/query.ts'
import { read16 } from '../../wire/query.ts'
import { type Reply, type Section, write16 } from '../../wire/reply.ts'
import { Transcript, UNCHANGED } from '../../wire/transcript.ts'
import type { Walk } from './walk.ts'

export class Relocation {
  readonly #cursor = new RecordCursor()
  /** Where the name that was asked for stands in the client's reply: whole in the CNAME, or as a common ending in the question; see `#map`. */
  #nameAt = 0
  #questionEnd = 0
  #recordsAt = 0
  /** Offsets into the walk's question below this have no counterpart. */
  #sharedFrom = 0

  /**
   * Writes what the walk has found as the answer to `query`: a CNAME from its name to the one that was asked for where there are answers, and
   * then the records. False when they are malformed; then the reply is empty.
   */
  write(walk: Walk, query: Query, reply: Reply): boolean {
    const from = reply.position
    if (walk.reply.counts[0] > 0) {
      if (!reply.fits(12 + walk.nameLength)) return true
      this.#writeAlias(walk, reply)
      this.#sharedFrom = HEADER_LENGTH
    } else {
      this.#sharedFrom = HEADER_LENGTH + walk.nameLength - this.#commonEnding(walk, query)
      this.#nameAt = query.nameLength - walk.nameLength + HEADER_LENGTH
    }
    if (this.#move(walk, reply) || this.#copy(walk, query, reply)) return true
    reply.position = from
    reply.counts.fill(0)
    return false
  }

  #writeAlias({ query, reply: found, nameLength }: Walk, reply: Reply): void {
    const cursor = this.#cursor
    cursor.reset(found.bytes, found.start + query.questionEnd, found.position, 1, 0, 0)
    const ttlSeconds = cursor.next() ? cursor.ttlSeconds : 0
    reply.writeRecordHead(QUESTION_POINTER, Type.CNAME, ttlSeconds, nameLength)
    this.#nameAt = reply.size
    for (let i = 0; i < nameLength; i++) reply.write8(query.bytes[HEADER_LENGTH + i])
    reply.counts[0]++
  }

  /** How many octets at the end of both names are the same labels. */
  #commonEnding({ query: asked }: Walk, query: Query): number {
    const shift = query.nameLength - asked.nameLength
    let common = 1
    for (let i = asked.labelCount - 1, j = query.labelCount - 1; i >= 0 && j >= 0; i--, j--) {
      const at = asked.labels[i]
      if (query.labels[j] !== at + shift) break
      for (let k = at; k < asked.nameLength - common; k++) if (asked.name[k] !== query.name[k + shift]) return common
      common = asked.nameLength - at
    }
    return common
  }

  #move({ query: asked, reply: found }: Walk, reply: Reply): boolean {
    const from = found.start + asked.questionEnd
    const length = found.position - from
    const { position } = reply
    if (position + length > reply.limit) return false
    this.#questionEnd = asked.questionEnd
    this.#recordsAt = reply.size
    reply.copy(found.bytes, from, length)
    const { counts } = found
    const cursor = this.#cursor
    cursor.reset(reply.bytes, position, reply.position, counts[0], counts[1], counts[2])
    while (cursor.next()) {
      if (!this.#moveNames(reply.bytes, cursor)) {
        reply.position = position
        return false
      }
    }
    if (cursor.isBroken) {
      reply.position = position
      return false
    }
    for (let section = 0; section < 3; section++) reply.counts[section] += counts[section]
    return true
  }

  #moveNames(bytes: Buffer, { ownerAt, rdataAt, type }: RecordCursor): boolean {
    if (type === Type.NAPTR || this.#moveName(bytes, ownerAt) < 0) return false
    const names = RDATA_NAMES[type]
    if (names === undefined) return true
    let at = rdataAt + names[0]
    for (let i = 0; i < names[1]; i++) {
      at = this.#moveName(bytes, at)
      if (at < 0) return false
    }
    return true
  }

  /** Returns where the name ends, or -1 when its pointer cannot be moved. */
  #moveName(bytes: Buffer, from: number): number {
    let at = from
    while (bytes[at] > 0 && bytes[at] < 0xc0) at += bytes[at] + 1
    if (bytes[at] === 0) return at + 1
    const target = this.#map(read16(bytes, at) & MAX_POINTER)
    if (target < 0 || target > MAX_POINTER) return -1
    write16(bytes, at, 0xc000 | target)
    return at + 2
  }

  #map(pointer: number): number {
    if (pointer >= this.#questionEnd) return pointer - this.#questionEnd + this.#recordsAt
    return pointer >= this.#sharedFrom ? pointer - HEADER_LENGTH + this.#nameAt : -1
  }

  #copy({ query: asked, reply: found }: Walk, query: Query, reply: Reply): boolean {
    const { counts } = found
    const cursor = this.#cursor
    cursor.reset(found.bytes, found.start + asked.questionEnd, found.position, counts[0], counts[1], counts[2])
    const transcript = new Transcript(query, reply)
    if (counts[0] > 0) transcript.know(this.#nameAt)
    while (cursor.next()) {
      if (!transcript.add(found.bytes, found.start, cursor, cursor.section as Section, UNCHANGED)) break
    }
    return !cursor.isBroken && !transcript.isBroken
  }
}
