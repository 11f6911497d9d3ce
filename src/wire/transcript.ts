// Records of one reply copied into another that has another question: names are written out, since what they were pointers into is not
// there, and what is the question of the new reply becomes a pointer to it.

import { HEADER_LENGTH, MAX_NAME_LENGTH, QUESTION_POINTER, Type } from './constants.ts'
import type { RecordCursor } from './cursor.ts'
import { type WireName, lowerOctet } from './name.ts'
import { type Query, read16 } from './query.ts'
import { type Reply, type Section, write16 } from './reply.ts'

/** What becomes of the names in a record that is copied. Undefined: there is no such name, and the copy ends as broken. */
export interface NameChange {
  owner(name: WireName): WireName | undefined
  /** The first name in the rdata: a target, a mail exchange, a primary server. */
  value(name: WireName): WireName | undefined
}

export const UNCHANGED: NameChange = { owner: name => name, value: name => name }

/** Where names stand in rdata: behind how many octets, and how many there are. RFC 3597 section 4, RFC 4034 section 6.2. */
const NAMES: Readonly<Record<number, readonly [skipped: number, count: number] | undefined>> = {
  [Type.NS]: [0, 1],
  3: [0, 1], // MD
  4: [0, 1], // MF
  [Type.CNAME]: [0, 1],
  [Type.SOA]: [0, 2],
  7: [0, 1], // MB
  8: [0, 1], // MG
  9: [0, 1], // MR
  [Type.PTR]: [0, 1],
  14: [0, 2], // MINFO
  [Type.MX]: [2, 1],
  17: [0, 2], // RP
  18: [2, 1], // AFSDB
  21: [2, 1], // RT
  26: [2, 2], // PX
  [Type.SRV]: [6, 1],
  36: [2, 1], // KX
  39: [0, 1], // DNAME
}

/** Pointers reach this far (RFC 1035 section 4.1.4). */
const MAX_POINTER = 0x3fff
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
    const [skipped, count] = type === Type.NAPTR ? [skipNaptr(source, rdataAt, end), 1] : (NAMES[type] ?? [0, 0])
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

const scratch = new Uint8Array(MAX_NAME_LENGTH)

/**
 * The name at `at` of the message that begins at `start`, its pointers followed; undefined when it is malformed or reaches beyond `end`. A pointer
 * leads back, so this ends.
 */
export function expandName(bytes: Uint8Array, start: number, at: number, end = bytes.length): WireName | undefined {
  let length = 0
  let from = at
  let before = at
  let limit = end
  for (;;) {
    if (from >= limit) return undefined
    const label = bytes[from]
    if (label >= 0xc0) {
      const target = start + (read16(bytes, from) & MAX_POINTER)
      if (from + 2 > limit || target >= before || target < start + HEADER_LENGTH) return undefined
      before = target
      from = target
      limit = bytes.length
      continue
    }
    if (label > 63 || length + label + 1 > MAX_NAME_LENGTH || from + label + 1 > limit) return undefined
    for (let i = 0; i <= label; i++) scratch[length++] = bytes[from++]
    if (label === 0) return scratch.slice(0, length)
  }
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
