// The reading side of the zone image: lookups that take no lock and allocate nothing. See layout.ts.

import { hashName } from '../wire/name.ts'
import type { Blocks } from './blocks.ts'
import {
  BLOCK_WORDS,
  ENTRY_WORDS,
  FLAG_AWAITED,
  FLAG_COMPUTED,
  FLAG_OWN,
  Head,
  MAGIC,
  SLOT_FREE,
  SLOT_FREED,
  TABLE_START,
  makeTable,
  readTable,
  tableBytes,
} from './layout.ts'

/** Entry 0 lies in the head of the image, so no entry is ever there: it stands for "no such record set". */
export const NO_ENTRY = 0
/** Likewise for blocks: the name does not exist. */
export const NO_BLOCK = 0

/** A head and one slot, which is free. */
const EMPTY = new SharedArrayBuffer(TABLE_START + tableBytes(1))
makeTable(EMPTY, new Uint32Array(EMPTY), TABLE_START, 1)
new Uint32Array(EMPTY)[Head.Magic] = MAGIC

/**
 * The image as it was at one moment. Blocks do not change (`children` aside), and those that nothing leads to any more go with the buffer when
 * nobody has it, so this takes 4 octets for each slot. Until `release`, the writer has to copy what it wants to move.
 */
export interface FrozenImage extends Blocks {
  /** That these names have, or will have: none that was given out with them is greater. */
  readonly serial: number
  readonly names: number
  /** Octets of all blocks that slots lead to. */
  readonly liveBytes: number
  readonly release: () => void
}

export class ZoneImage {
  /** The whole image as octets: records are copied out of it. */
  bytes!: Buffer
  /** Whether it was read from a snapshot: what it holds was so once, and what it does not hold says nothing. */
  isStale = false
  #words!: Uint32Array
  #slots!: Int32Array
  #mask = 0

  /** Without a buffer there is no name in it, and it is not complete. `slots` as `attach` has it. */
  constructor(buffer = EMPTY, slots?: Int32Array) {
    this.attach(buffer, slots)
  }

  /**
   * Goes over to another image of the same zones: the writer has compacted, or has made another table. `slots` is a copy of its table, with which it is as it was at that
   * moment.
   */
  attach(buffer: SharedArrayBuffer, slots?: Int32Array): void {
    const words = new Uint32Array(buffer)
    if (words[Head.Magic] !== MAGIC) throw new TypeError('not a zone image')
    this.#words = words
    this.#slots = slots ?? readTable(buffer, words)
    this.#mask = this.#slots.length - 1
    this.bytes = Buffer.from(buffer)
    this.isStale = words[Head.Stale] === 1
  }

  get words(): Uint32Array {
    return this.#words
  }

  get slots(): Int32Array {
    return this.#slots
  }

  get serial(): number {
    return this.#words[Head.Serial]
  }

  /** Names that exist. */
  get names(): number {
    return this.#words[Head.Names]
  }

  /** As long as it stays the same, so do all names and records. */
  get revision(): number {
    return this.#words[Head.Revision]
  }

  /** Whether all that the source holds has been published once; until then, that a name is missing says nothing. */
  get isComplete(): boolean {
    return this.#words[Head.Complete] === 1
  }

  /** The block of the lower-case wire name `name[from, from + length)`, or NO_BLOCK where it does not exist. */
  find(name: Uint8Array, from: number, length: number, hash: number): number {
    const { bytes } = this
    const words = this.#words
    const slots = this.#slots
    const mask = this.#mask
    const wanted = hash >>> 0
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const block = Atomics.load(slots, slot)
      if (block === SLOT_FREE) return NO_BLOCK
      if (block === SLOT_FREED) continue
      const head = block >> 2
      if (words[head] !== wanted) continue
      const meta = words[head + 3]
      if ((meta & 0xff) !== length) continue
      const nameAt = block + (BLOCK_WORDS + ((meta >> 8) & 0xff) * ENTRY_WORDS) * 4
      let i = 0
      while (i < length && bytes[nameAt + i] === name[from + i]) i++
      if (i === length) return block
    }
  }

  /** `find` for a name whose hash is not at hand. */
  lookup(name: Uint8Array, from: number, length: number): number {
    return this.find(name, from, length, hashName(name, from, length))
  }

  /** From now on the blocks in its memory stay where they are, until the function that it returns is called. */
  hold(): () => void {
    const words = this.#words
    Atomics.add(words, Head.Holders, 1)
    return () => Atomics.sub(words, Head.Holders, 1)
  }

  /** A copy of the table, with which all blocks stay as they are; undefined while what belongs together is being published. */
  freeze(): FrozenImage | undefined {
    const words = this.#words
    const version = Atomics.load(words, Head.Version)
    if (version % 2 === 1) return undefined
    const slots = this.#slots.slice()
    const { bytes, names } = this
    const liveBytes = words[Head.LiveBytes]
    const serial = words[Head.NextSerial]
    if (Atomics.load(words, Head.Version) !== version) return undefined
    return { bytes, words, slots, serial, names, liveBytes, release: this.hold() }
  }

  /** Where the name of a block lies in `bytes`. */
  nameOffset(block: number): number {
    return block + (BLOCK_WORDS + ((this.#words[(block >> 2) + 3] >> 8) & 0xff) * ENTRY_WORDS) * 4
  }

  nameLength(block: number): number {
    return this.#words[(block >> 2) + 3] & 0xff
  }

  /** Whether the name was published for its own sake; else it exists because of a name below it. */
  isOwn(block: number): boolean {
    return ((this.#words[(block >> 2) + 3] >> 16) & FLAG_OWN) !== 0
  }

  /** Whether records are to come, at the name and below. */
  isAwaited(block: number): boolean {
    return ((this.#words[(block >> 2) + 3] >> 16) & FLAG_AWAITED) !== 0
  }

  /** Whether the records are not here, as they follow from the name's first label. */
  isComputed(block: number): boolean {
    return ((this.#words[(block >> 2) + 3] >> 16) & FLAG_COMPUTED) !== 0
  }

  /** The record set of a type in a block, or NO_ENTRY. */
  entry(block: number, type: number): number {
    const words = this.#words
    const head = block >> 2
    const count = (words[head + 3] >> 8) & 0xff
    for (let i = 0, at = head + BLOCK_WORDS; i < count; i++, at += ENTRY_WORDS) {
      if ((words[at] & 0xffff) === type) return at
    }
    return NO_ENTRY
  }

  /** How many records a set has. */
  count(entry: number): number {
    return this.#words[entry] >>> 16
  }

  /** Where a set's records lie in `bytes`; `block` is the one that `entry` came from. */
  offset(block: number, entry: number): number {
    return block + this.#words[entry + 1]
  }

  length(entry: number): number {
    return this.#words[entry + 2]
  }

  additionalOffset(block: number, entry: number): number {
    return block + this.#words[entry + 3]
  }

  additionalLength(entry: number): number {
    return this.#words[entry + 4]
  }

  additionalCount(entry: number): number {
    return this.#words[entry + 5]
  }
}
