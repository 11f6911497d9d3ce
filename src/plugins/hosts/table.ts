// Names with their addresses and the reverse, in typed arrays: a hash table over lower-case wire names, and records as they go onto the wire. A
// name with an address takes about 200 octets, so that lists of some 100,000 names fit; asking allocates nothing.

import { Class, QUESTION_POINTER, Type } from '../../wire/constants.ts'
import { HASH_SEED, type WireName, hashName, hashOctet } from '../../wire/name.ts'
import { type Query, read16 } from '../../wire/query.ts'
import { type Reply, Section, write16 } from '../../wire/reply.ts'

/** What a name can have; the place of its list in an entry. */
export const Kind = { A: 0, AAAA: 1, PTR: 2 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

export const NO_ENTRY = -1

const TYPES = [Type.A, Type.AAAA, Type.PTR]
const KINDS = TYPES.length
/** An entry: hash, place of the name, and the first and last record of each kind. */
const NAME = 1
const FIRST = 2
const LAST = FIRST + KINDS
const ENTRY_WORDS = LAST + KINDS
/** A record in its list: the next one, and its place. */
const NODE_WORDS = 2
const NONE = -1
const RECORD_HEAD_LENGTH = 12
const ASTERISK = 0x2a

export class HostTable {
  /** How many records there are, reverse ones included: what CoreDNS calls entries. */
  recordCount = 0
  #entryCount = 0
  #hasWildcards = false
  #slots = new Int32Array(64).fill(NONE)
  #entries = new Int32Array(ENTRY_WORDS * 32)
  #nodes = new Int32Array(NODE_WORDS * 32)
  #names = Buffer.alloc(1024)
  #namesEnd = 0
  #records = Buffer.alloc(1024)
  #recordsEnd = 0

  /** `name` is in lower case; `*` as its first label stands for any one label. */
  add(name: WireName, kind: Kind, ttlSeconds: number, rdata: Uint8Array): void {
    const hash = hashName(name, 0, name.length)
    let entry = this.#lookup(name, name.length, hash)
    if (entry === NO_ENTRY) entry = this.#addEntry(name, hash)
    const node = this.recordCount++
    this.#nodes = reserve(this.#nodes, (node + 1) * NODE_WORDS)
    this.#nodes[node * NODE_WORDS] = NONE
    this.#nodes[node * NODE_WORDS + 1] = this.#addRecord(kind, ttlSeconds, rdata)
    const entries = this.#entries
    const at = entry * ENTRY_WORDS
    if (entries[at + FIRST + kind] === NONE) entries[at + FIRST + kind] = node
    else this.#nodes[entries[at + LAST + kind] * NODE_WORDS] = node
    entries[at + LAST + kind] = node
  }

  /** The entry whose records of the kind are for the question: that of its name, else that of a wildcard. NO_ENTRY when there is none. */
  find(query: Query, kind: Kind): number {
    const exact = this.#lookup(query.name, query.nameLength, query.nameHash)
    if (exact !== NO_ENTRY && this.#first(exact, kind) !== NONE) return exact
    if (!this.#hasWildcards) return NO_ENTRY
    const wildcard = this.#lookupWildcard(query)
    return wildcard !== NO_ENTRY && this.#first(wildcard, kind) !== NONE ? wildcard : NO_ENTRY
  }

  /** Writes the records of an entry that `find` has found, as many as fit. */
  write(reply: Reply, entry: number, kind: Kind): void {
    const nodes = this.#nodes
    const records = this.#records
    for (let node = this.#first(entry, kind); node !== NONE && !reply.truncated; node = nodes[node * NODE_WORDS]) {
      const at = nodes[node * NODE_WORDS + 1]
      reply.addRecords(Section.Answer, records, at, RECORD_HEAD_LENGTH + read16(records, at + 10), 1)
    }
  }

  #first(entry: number, kind: Kind): number {
    return this.#entries[entry * ENTRY_WORDS + FIRST + kind]
  }

  #lookup(name: Uint8Array, length: number, hash: number): number {
    const mask = this.#slots.length - 1
    for (let slot = mix(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]
      if (entry === NONE) return NO_ENTRY
      if (this.#entries[entry * ENTRY_WORDS] === hash && this.#isAt(entry, 0, name, 0, length)) return entry
    }
  }

  #lookupWildcard({ name, nameLength, labels, labelCount }: Query): number {
    if (labelCount < 2) return NO_ENTRY
    const rest = labels[1]
    let hash = hashOctet(hashOctet(HASH_SEED, 1), ASTERISK)
    for (let i = rest; i < nameLength; i++) hash = hashOctet(hash, name[i])
    const mask = this.#slots.length - 1
    for (let slot = mix(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]
      if (entry === NONE) return NO_ENTRY
      if (this.#entries[entry * ENTRY_WORDS] !== hash) continue
      if (isWildcard(this.#names, this.#nameAt(entry)) && this.#isAt(entry, 2, name, rest, nameLength)) return entry
    }
  }

  #nameAt(entry: number): number {
    return this.#entries[entry * ENTRY_WORDS + NAME]
  }

  /** Whether the name of the entry, from `skip` on, is `name[from, to)`. Names end by themselves: lengths need no comparison. */
  #isAt(entry: number, skip: number, name: Uint8Array, from: number, to: number): boolean {
    const at = this.#nameAt(entry) + skip - from
    for (let i = from; i < to; i++) if (this.#names[at + i] !== name[i]) return false
    return true
  }

  #addEntry(name: WireName, hash: number): number {
    const entry = this.#entryCount++
    this.#names = extend(this.#names, this.#namesEnd + name.length)
    this.#names.set(name, this.#namesEnd)
    this.#entries = reserve(this.#entries, (entry + 1) * ENTRY_WORDS)
    const at = entry * ENTRY_WORDS
    this.#entries.fill(NONE, at, at + ENTRY_WORDS)
    this.#entries[at] = hash
    this.#entries[at + NAME] = this.#namesEnd
    this.#namesEnd += name.length
    this.#hasWildcards ||= isWildcard(name)
    // Half of the slots at most are taken, so that a miss ends soon.
    if (this.#entryCount * 2 > this.#slots.length) this.#rehash()
    else this.#place(entry)
    return entry
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(NONE)
    for (let entry = 0; entry < this.#entryCount; entry++) this.#place(entry)
  }

  #place(entry: number): void {
    const mask = this.#slots.length - 1
    let slot = mix(this.#entries[entry * ENTRY_WORDS]) & mask
    while (this.#slots[slot] !== NONE) slot = (slot + 1) & mask
    this.#slots[slot] = entry
  }

  #addRecord(kind: Kind, ttlSeconds: number, rdata: Uint8Array): number {
    const at = this.#recordsEnd
    this.#recordsEnd += RECORD_HEAD_LENGTH + rdata.length
    this.#records = extend(this.#records, this.#recordsEnd)
    const records = this.#records
    write16(records, at, QUESTION_POINTER)
    write16(records, at + 2, TYPES[kind])
    write16(records, at + 4, Class.IN)
    records.writeUInt32BE(ttlSeconds, at + 6)
    write16(records, at + 10, rdata.length)
    records.set(rdata, at + RECORD_HEAD_LENGTH)
    return at
  }
}

/** The lower bits of FNV-1a depend on the lower bits of the octets alone. */
const mix = (hash: number): number => hash ^ (hash >>> 15)

/** Whether the first label of the name is `*`. */
export const isWildcard = (name: Uint8Array, at = 0): boolean => name[at] === 1 && name[at + 1] === ASTERISK

function reserve(words: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= words.length) return words
  const larger = new Int32Array(Math.max(length, words.length * 2))
  larger.set(words)
  return larger
}

function extend(bytes: Buffer<ArrayBuffer>, length: number): Buffer<ArrayBuffer> {
  if (length <= bytes.length) return bytes
  const larger = Buffer.alloc(Math.max(length, bytes.length * 2))
  larger.set(bytes)
  return larger
}
