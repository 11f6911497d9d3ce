// Records of one reply copied into another that has another question: names are written out, since what they were pointers into is not
// there, and what is the question of the new reply becomes a pointer to it.

import { MAX_POINTER, RDATA_NAMES, expandName } from './compression.ts'
import { MAX_NAME_LENGTH, QUESTION_POINTER, Type } from './constants.ts'
import type { RecordCursor } from './cursor.ts'
import { type WireName, lowerOctet } from './name.ts'
import type { Query } from './query.ts'
import { type Reply, type Section, write16 } from './reply.ts'

/** What becomes of the names in a record that is copied. Undefined: there is no such name, and the copy ends as broken. */
export interface NameChange {
  owner(name: WireName): WireName | undefined
  /** The first name in the rdata: a target, a mail exchange, a primary server. */
  value(name: WireName): WireName | undefined
}

export const UNCHANGED: NameChange = { owner: name => name, value: name => name }

/** An owner and two names in rdata, where a pointer to each stood. */
const MAX_GROWTH = 3 * MAX_NAME_LENGTH
/** Names that later owners may point to: more would cost more to look through than they save. */
const MAX_KNOWN = 32

export class Transcript {
  /** A record was malformed, or a name was none any more. */
  isBroken = false
  readonly #query: Query
  readonly #reply: Reply
  /** Where names stand whole in rdata that `loadbalance` does not move; offsets into the message. */
  readonly #known: number[] = []

  /** Into `reply`, the reply to `query`. */
  constructor(query: Query, reply: Reply) {
    this.#query = query
    this.#reply = reply
  }

  /** Copies the record at `record` of the message that begins at `start` of `source`. False: it is broken, or does not fit and TC is set. */
  add(source: Uint8Array, start: number, record: RecordCursor, section: Section, names: NameChange): boolean {
    const reply = this.#reply
    // What is not there yet is made before the first octet; what does not fit is seen when the record is whole.
    reply.hasRoom(record.end - record.ownerAt + MAX_GROWTH)
    const { position } = reply
    const isWritten =
      this.#writeOwner(source, start, record.ownerAt, names) && this.#writeBody(source, start, record, names)
    if (isWritten && reply.position <= reply.limit) {
      reply.counts[section]++
      return true
    }
    if (isWritten) reply.truncated = true
    else this.isBroken = true
    reply.position = position
    return false
  }

  #writeOwner(source: Uint8Array, start: number, at: number, names: NameChange): boolean {
    const expanded = expandName(source, start, at)
    const owner = expanded && names.owner(expanded)
    if (!owner) return false
    const pointer = this.#findPointer(owner)
    if (pointer > 0) this.#reply.write16(pointer)
    else this.#write(owner, 0, owner.length)
    return true
  }

  #writeBody(source: Uint8Array, start: number, record: RecordCursor, names: NameChange): boolean {
    const reply = this.#reply
    const from = reply.position
    this.#write(source, record.typeAt, record.rdataAt)
    if (!this.#writeRdata(source, start, record, names)) return false
    // TYPE, CLASS and TTL are 8 octets; RDLENGTH follows.
    write16(reply.bytes, from + 8, reply.position - from - 10)
    return true
  }

  #writeRdata(source: Uint8Array, start: number, record: RecordCursor, names: NameChange): boolean {
    const { rdataAt, end, type } = record
    const [skipped, count] = type === Type.NAPTR ? [skipNaptr(source, rdataAt, end), 1] : (RDATA_NAMES[type] ?? [0, 0])
    let at = rdataAt + skipped
    if (at > end) return false
    this.#write(source, rdataAt, at)
    for (let i = 0; i < count; i++) {
      const expanded = expandName(source, start, at, end)
      const name = i === 0 ? expanded && names.value(expanded) : expanded
      if (!name) return false
      if (type !== Type.MX) this.know(this.#reply.size)
      this.#write(name, 0, name.length)
      at = endOfName(source, at)
    }
    if (at > end) return false
    this.#write(source, at, end)
    return true
  }

  /** At `offset` of the message a name stands whole, or will do: owners may point to it. */
  know(offset: number): void {
    if (offset <= MAX_POINTER && this.#known.length < MAX_KNOWN) this.#known.push(offset)
  }

  /** A pointer to the same name, written before; 0 when there is none. */
  #findPointer(owner: WireName): number {
    const { name, nameLength } = this.#query
    if (owner.length === nameLength && isSame(owner, name, 0)) return QUESTION_POINTER
    const { bytes, start, position } = this.#reply
    for (const offset of this.#known) {
      if (start + offset + owner.length <= position && isSame(owner, bytes, start + offset)) return 0xc000 | offset
    }
    return 0
  }

  /** Octets beyond the end of the buffer go nowhere; that they do not fit is seen when the record is whole. */
  #write(octets: Uint8Array, from: number, to: number): void {
    const reply = this.#reply
    for (let i = from; i < to; i++) reply.bytes[reply.position++] = octets[i]
  }
}

/** `name`, in any spelling, against octets at `at`: length octets are below 64, so folding leaves them alone. */
function isSame(name: WireName, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < name.length; i++) if (lowerOctet(name[i]) !== lowerOctet(bytes[at + i])) return false
  return true
}

/** Where the name that begins at `at` and is known to be whole ends. */
function endOfName(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] > 0 && bytes[at] < 0xc0) at += bytes[at] + 1
  return at + (bytes[at] === 0 ? 1 : 2)
}

/** Octets before the replacement of a NAPTR: order, preference, three character-strings (RFC 3403 section 4.1). */
function skipNaptr(bytes: Uint8Array, rdataAt: number, end: number): number {
  let at = rdataAt + 4
  for (let i = 0; i < 3 && at < end; i++) at += bytes[at] + 1
  return at - rdataAt
}
