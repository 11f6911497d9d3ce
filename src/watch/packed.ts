// A store for what a cluster has most of: each object is a few octets in one buffer, not an object of its own with a dozen strings.
//
//   table | slots of 32 bits: 0 is free, 1 was freed, anything else is where a record begins. Open addressing, linear probing, at most half full
//   arena | records, each at a multiple of 4: hash; (length of the key | length of the text << 16); listed; key; text

import { randomInt } from 'node:crypto'
import { Listener } from './listener.ts'
import type { Keeper, Sink } from './store.ts'
import type { SlimMeta } from './slim.ts'

/** What is kept of an object, as a text and back. */
export interface Packing<T, H> {
  /** What is to be held of `next`, where `held` gives what is held now: to make that takes time, and mostly nothing depends on it. */
  hold(held: () => H | undefined, next: T): H
  /** 65,535 octets of UTF-8 at most. */
  pack(object: H): string
  unpack(key: string, text: string): H
}

const FREE = 0
const FREED = 1
const HEAD_BYTES = 12
const MIN_SLOTS = 1 << 10
const MIN_ARENA_BYTES = 64 << 10
const GROWTH = 4
/** The first record: no slot holds FREE or FREED for it. */
const ARENA_START = 4

export class PackedStore<T extends SlimMeta, H> implements Keeper<T, H> {
  readonly listener: Listener<H>
  readonly #packing: Packing<T, H>
  /** So that nobody can choose names that meet in one slot. */
  readonly #seed = randomInt(2 ** 32)
  #slots = new Uint32Array(MIN_SLOTS)
  #bytes = Buffer.alloc(MIN_ARENA_BYTES)
  #end = ARENA_START
  #liveBytes = 0
  #usedSlots = 0
  #size = 0
  #isListing = false

  constructor(sink: Sink<H>, packing: Packing<T, H>) {
    this.listener = new Listener(sink)
    this.#packing = packing
  }

  get size(): number {
    return this.#size
  }

  get(key: string): H | undefined {
    const slot = this.#find(Buffer.from(key))
    return slot < 0 ? undefined : this.#unpack(this.#slots[slot])
  }

  *values(): Generator<H> {
    for (const record of this.#slots) if (record > FREED) yield this.#unpack(record)
  }

  put(next: T): void {
    if (this.listener.isClosed) return
    const key = Buffer.from(next.key)
    const slot = this.#find(key)
    const unpack = (): H | undefined => (slot < 0 ? undefined : this.#unpack(this.#slots[slot]))
    const after = this.#packing.hold(unpack, next)
    const text = Buffer.from(this.#packing.pack(after))
    if (slot >= 0 && this.#isText(this.#slots[slot], text)) {
      this.#mark(this.#slots[slot])
      return
    }
    const held = unpack()
    this.#write(slot, key, text)
    this.listener.changed(held, after)
  }

  remove(key: string): void {
    const slot = this.#find(Buffer.from(key))
    if (slot >= 0 && !this.listener.isClosed) this.#removeSlot(slot)
  }

  beginList(): void {
    this.#isListing = true
    for (const record of this.#slots) if (record > FREED) this.#bytes.writeUInt32LE(0, record + 8)
  }

  completeList(): void {
    // What is told of a removal may be heard by who removes another: the table stays where it is meanwhile.
    for (let slot = 0; slot < this.#slots.length; slot++) {
      const record = this.#slots[slot]
      if (record > FREED && this.#bytes.readUInt32LE(record + 8) === 0) this.#removeSlot(slot)
    }
    this.#isListing = false
    this.listener.listed()
  }

  #mark(record: number): void {
    this.#bytes.writeUInt32LE(this.#isListing ? 1 : 0, record + 8)
  }

  /** The slot that holds `key`, or -1. */
  #find(key: Uint8Array): number {
    const hash = this.#hash(key)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const record = this.#slots[slot]
      if (record === FREE) return -1
      if (record !== FREED && this.#bytes.readUInt32LE(record) === hash && this.#isKey(record, key)) return slot
    }
  }

  #isKey(record: number, key: Uint8Array): boolean {
    const from = record + HEAD_BYTES
    return (
      this.#keyLength(record) === key.length && this.#bytes.compare(key, 0, key.length, from, from + key.length) === 0
    )
  }

  #isText(record: number, text: Uint8Array): boolean {
    const from = record + HEAD_BYTES + this.#keyLength(record)
    const length = this.#textLength(record)
    return length === text.length && this.#bytes.compare(text, 0, length, from, from + length) === 0
  }

  #keyLength(record: number): number {
    return this.#bytes.readUInt16LE(record + 4)
  }

  #textLength(record: number): number {
    return this.#bytes.readUInt16LE(record + 6)
  }

  #sizeOf(record: number): number {
    return (HEAD_BYTES + this.#keyLength(record) + this.#textLength(record) + 3) & ~3
  }

  #unpack(record: number): H {
    const from = record + HEAD_BYTES
    const middle = from + this.#keyLength(record)
    const key = this.#bytes.toString('utf8', from, middle)
    return this.#packing.unpack(key, this.#bytes.toString('utf8', middle, middle + this.#textLength(record)))
  }

  /** In the place of what `slot` holds, or in a new one where it is -1. */
  #write(slot: number, key: Uint8Array, text: Uint8Array): void {
    const size = (HEAD_BYTES + key.length + text.length + 3) & ~3
    if (this.#reserve(size) && slot >= 0) slot = this.#find(key)
    const record = this.#end
    this.#end += size
    this.#liveBytes += size
    const hash = this.#hash(key)
    this.#bytes.writeUInt32LE(hash, record)
    this.#bytes.writeUInt16LE(key.length, record + 4)
    this.#bytes.writeUInt16LE(text.length, record + 6)
    this.#mark(record)
    this.#bytes.set(key, record + HEAD_BYTES)
    this.#bytes.set(text, record + HEAD_BYTES + key.length)
    if (slot >= 0) {
      this.#liveBytes -= this.#sizeOf(this.#slots[slot])
      this.#slots[slot] = record
      return
    }
    this.#size++
    this.#take(hash, record)
  }

  #take(hash: number, record: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] > FREED) slot = (slot + 1) & mask
    if (this.#slots[slot] === FREE) this.#usedSlots++
    this.#slots[slot] = record
  }

  #removeSlot(slot: number): void {
    const record = this.#slots[slot]
    const held = this.#unpack(record)
    this.#slots[slot] = FREED
    this.#size--
    this.#liveBytes -= this.#sizeOf(record)
    this.listener.changed(held, undefined)
  }

  /** Sees to it that there is room for one more record; returns whether slots or records have moved for that. */
  #reserve(size: number): boolean {
    const live = this.#liveBytes + size
    const isCrowded = this.#usedSlots * 2 >= this.#slots.length
    // As much again as lives: the next time is as far away as this one cost.
    const isWasteful = this.#end + size > Math.max(MIN_ARENA_BYTES, live * 2)
    const isFull = this.#end + size > this.#bytes.length
    if (isWasteful || isFull) this.#moveRecords(live)
    else if (isCrowded) this.#insertAll(this.#slots)
    else return false
    return true
  }

  /** Into other memory, one behind the other. It may grow to a multiple without being copied, as it is there twice meanwhile; what is not written to takes none. */
  #moveRecords(liveBytes: number): void {
    const old = this.#bytes
    const bytes = Buffer.alloc(Math.max(MIN_ARENA_BYTES, liveBytes * GROWTH))
    let end = ARENA_START
    const records = this.#slots.filter(record => record > FREED)
    for (const [i, record] of records.entries()) {
      const length = this.#sizeOf(record)
      old.copy(bytes, end, record, record + length)
      records[i] = end
      end += length
    }
    this.#bytes = bytes
    this.#end = end
    this.#insertAll(records)
  }

  /** Makes the slots anew for these. */
  #insertAll(records: Uint32Array): void {
    let slots = MIN_SLOTS
    while (slots < (this.#size + 1) * 3) slots *= 2
    this.#slots = new Uint32Array(slots)
    this.#usedSlots = 0
    for (const record of records) if (record > FREED) this.#take(this.#bytes.readUInt32LE(record), record)
  }

  /** FNV-1a, from a start that only this process knows. */
  #hash(key: Uint8Array): number {
    let hash = this.#seed
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key[i], 0x01000193)
    return (hash ^ (hash >>> 15)) >>> 0
  }
}
