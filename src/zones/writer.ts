// The writing side of the zone image: one owner of the buffer, in the control thread. See layout.ts.

import { type WireName, hashName, isSubdomain } from '../wire/name.ts'
import type { Rrset } from '../wire/rrset.ts'
import { type BlockContent, measureBlock, writeBlock } from './block.ts'
import { SerialClock } from './serial.ts'
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
  tableBytes,
} from './layout.ts'

const MIN_SLOTS = 1 << 10
const MIN_ARENA_BYTES = 64 << 10
/** Large, so that an image of many MB is not copied, and there twice, while it grows. */
const GROWTH = 16
/** What may lie dead among the blocks before they are moved together, as a share of what lives. */
const SLACK = 0.25

export class ZoneWriter {
  #buffer: SharedArrayBuffer
  #bytes!: Uint8Array
  #words!: Uint32Array
  #slots!: Int32Array
  readonly #origins: readonly WireName[]
  readonly #onHandover: (buffer: SharedArrayBuffer) => void
  readonly #isAlone: () => boolean
  /** Where the arena ended when the blocks were last moved; octets. */
  #movedEnd = 0
  readonly #clock = new SerialClock(serial => {
    this.serial = serial
    this.onSerial?.()
  })
  #hasChanged = false
  #resumed: number | undefined
  /** Called when the serial has moved, before anything else is published. */
  onSerial: (() => void) | undefined
  /** Called when all that the source holds has been published for the first time. */
  onComplete: (() => void) | undefined

  /**
   * `origins` are the apexes of the zones, lower case; they exist from the start and for ever. `onHandover` is called with the new buffer
   * each time the image has moved to one: readers that stay with the old buffer see no more changes. `isAlone`: whether nobody reads in another
   * thread.
   */
  constructor(
    origins: readonly WireName[],
    onHandover: (buffer: SharedArrayBuffer) => void = () => {},
    isAlone: () => boolean = () => false,
  ) {
    this.#origins = origins
    this.#isAlone = isAlone
    // Hundreds of zones move the image before anyone has seen it.
    this.#onHandover = () => {}
    this.#buffer = this.#open(MIN_SLOTS, MIN_ARENA_BYTES)
    for (const origin of origins) this.publish(origin, [])
    this.#onHandover = onHandover
  }

  /** The image, to be given to readers. */
  get buffer(): SharedArrayBuffer {
    return this.#buffer
  }

  /** Names that exist. */
  get names(): number {
    return this.#words[Head.Names]
  }

  /** Octets that blocks in use take. */
  get liveBytes(): number {
    return this.#words[Head.LiveBytes]
  }

  set serial(serial: number) {
    this.#words[Head.NextSerial] = serial
    Atomics.store(this.#words, Head.Serial, serial >>> 0)
  }

  get serial(): number {
    return this.#words[Head.Serial]
  }

  /** Whether the serial was given out before, to zones that may have been others. */
  get isResumed(): boolean {
    return this.serial === this.#resumed
  }

  /** Goes on from a serial that was given out before: what changes from now on has a greater one. */
  resumeSerial(serial: number): void {
    this.#resumed = serial
    this.serial = serial
    this.#clock.resume(serial)
  }

  /**
   * What `step` publishes and withdraws belongs together: a copy of the image has all of it or nothing, and so have the zones of a serial. If it
   * changes anything, the serial moves, at most once a second.
   */
  change(step: () => void): void {
    this.#hasChanged = false
    Atomics.add(this.#words, Head.Version, 1)
    try {
      step()
    } finally {
      if (this.#hasChanged) this.#words[Head.NextSerial] = this.#clock.tick()
      Atomics.add(this.#words, Head.Version, 1) // it may be another image by now
    }
  }

  /** The serial is to move behind the `change` that this is within, whether any record changes or not. */
  touch(): void {
    this.#hasChanged = true
  }

  /** Says that all that the source holds has been published. */
  markComplete(): void {
    if (this.isComplete) return
    Atomics.store(this.#words, Head.Complete, 1)
    this.onComplete?.()
  }

  get isComplete(): boolean {
    return this.#words[Head.Complete] === 1
  }

  /**
   * Makes `name` (lower case, at or below an origin) hold exactly these sets; with none it exists and is empty. Returns whether anything
   * changed. Names between it and the apex come into being with it (RFC 8020). `isAwaited`: there are more to come, here and below;
   * `isComputed`: its records follow from its first label. Throws RangeError for a name outside the zones.
   */
  publish(name: WireName, rrsets: readonly Rrset[], isAwaited = false, isComputed = false): boolean {
    const hash = hashName(name, 0, name.length)
    const slot = this.#findSlot(name, 0, hash)
    if (slot < 0 && !this.#origins.some(origin => isSubdomain(name, origin))) {
      throw new RangeError('a name outside the zones')
    }
    const flags = FLAG_OWN | (isAwaited ? FLAG_AWAITED : 0) | (isComputed ? FLAG_COMPUTED : 0)
    return this.#write(slot, { name, hash, rrsets, flags })
  }

  /** Takes the name away; it lives on as an empty non-terminal while there are names below it. Returns whether anything changed. */
  withdraw(name: WireName): boolean {
    const hash = hashName(name, 0, name.length)
    const slot = this.#findSlot(name, 0, hash)
    if (slot < 0) return false
    const old = this.#slots[slot]
    if (!this.#isOwn(old) || this.#isOrigin(name, 0)) return false
    if (this.#words[(old >> 2) + 2] > 0) return this.#write(slot, { name, hash, rrsets: [], flags: 0 })
    this.#remove(slot, name, 0)
    return true
  }

  /** Writes a block behind the others; where `slot` holds the same, it stays there and is nobody's. Returns whether anything changed. */
  #write(slot: number, content: BlockContent): boolean {
    const { name, hash, rrsets } = content
    // The image may move for it, and with it the slots.
    if (this.#reserve(measureBlock(name, rrsets))) slot = this.#findSlot(name, 0, hash)
    const words = this.#words
    const at = words[Head.ArenaEnd]
    const length = writeBlock(this.#bytes, words, at, content)
    const isNew = slot < 0
    if (!isNew) {
      const old = this.#slots[slot]
      if (this.#isSame(old, at, length)) return false
      words[(at >> 2) + 2] = words[(old >> 2) + 2]
      words[Head.LiveBytes] -= words[(old >> 2) + 1]
    }
    this.#hasChanged = true
    words[Head.Revision]++
    words[Head.ArenaEnd] = at + length
    words[Head.LiveBytes] += length
    Atomics.store(this.#slots, isNew ? this.#takeSlot(hash) : slot, at)
    if (isNew) {
      words[Head.Names]++
      this.#retainParent(name, 0)
    }
    return true
  }

  /** `name` is what begins at `from`. */
  #remove(slot: number, name: WireName, from: number): void {
    this.#hasChanged = true
    this.#words[Head.Revision]++
    this.#words[Head.LiveBytes] -= this.#words[(this.#slots[slot] >> 2) + 1]
    this.#words[Head.Names]--
    Atomics.store(this.#slots, slot, SLOT_FREED)
    if (this.#isOrigin(name, from)) return
    const parent = parentOf(name, from)
    const parentSlot = this.#findSlot(name, parent)
    const block = this.#slots[parentSlot]
    const children = --this.#words[(block >> 2) + 2]
    if (children === 0 && !this.#isOwn(block)) this.#remove(parentSlot, name, parent)
  }

  #retainParent(name: WireName, from: number): void {
    if (this.#isOrigin(name, from)) return
    const parent = parentOf(name, from)
    const hash = hashName(name, parent, name.length - parent)
    let slot = this.#findSlot(name, parent, hash)
    if (slot < 0) {
      this.#write(-1, { name: name.subarray(parent), hash, rrsets: [], flags: 0 })
      slot = this.#findSlot(name, parent, hash)
    }
    this.#words[(this.#slots[slot] >> 2) + 2]++
  }

  #isOrigin(name: WireName, from: number): boolean {
    for (const origin of this.#origins) {
      if (origin.length === name.length - from && isEnding(origin, name, from)) return true
    }
    return false
  }

  #isOwn(block: number): boolean {
    return ((this.#words[(block >> 2) + 3] >> 16) & FLAG_OWN) !== 0
  }

  /** Whether the block at `old` is the same as that of `length` octets at `at`, children aside. */
  #isSame(old: number, at: number, length: number): boolean {
    const words = this.#words
    const [from, other] = [old >> 2, at >> 2]
    if (words[from + 1] !== length) return false
    for (let i = 0; i < length >> 2; i++) if (words[from + i] !== words[other + i] && i !== 2) return false
    return true
  }

  /** The slot that holds what of `name` begins at `from`, or -1. */
  #findSlot(name: WireName, from: number, hash = hashName(name, from, name.length - from)): number {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const block = slots[slot]
      if (block === SLOT_FREE) return -1
      if (block !== SLOT_FREED && this.#holds(block, name, from, hash >>> 0)) return slot
    }
  }

  #holds(block: number, name: WireName, from: number, hash: number): boolean {
    const head = block >> 2
    const meta = this.#words[head + 3]
    const length = name.length - from
    if (this.#words[head] !== hash || (meta & 0xff) !== length) return false
    const nameAt = block + (BLOCK_WORDS + ((meta >> 8) & 0xff) * ENTRY_WORDS) * 4
    const bytes = this.#bytes
    for (let i = 0; i < length; i++) if (bytes[nameAt + i] !== name[from + i]) return false
    return true
  }

  #takeSlot(hash: number): number {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] > SLOT_FREED) slot = (slot + 1) & mask
    if (this.#slots[slot] === SLOT_FREE) this.#words[Head.UsedSlots]++
    return slot
  }

  /** Sees to it that a block of `length` octets and a slot for it are there; returns whether slots were moved for that. */
  #reserve(length: number): boolean {
    const hasSlid = this.#isSlack(length)
    if (hasSlid) this.#slide()
    const words = this.#words
    const live = words[Head.LiveBytes] + length + this.#tableBytes
    const end = words[Head.ArenaEnd] + length
    const isCrowded = words[Head.UsedSlots] * 2 >= this.#slots.length
    // As much again as lives: the next compaction is as far away as it cost.
    const isWasteful = end - words[Head.ArenaStart] > Math.max(MIN_ARENA_BYTES, live * 2)
    if (end <= this.#buffer.byteLength && !isCrowded && !isWasteful) return hasSlid
    let wanted = MIN_SLOTS
    while (wanted < words[Head.Names] * 4) wanted *= 2
    if (isCrowded && !isWasteful && end + tableBytes(wanted) <= this.#buffer.byteLength) this.#moveTable(wanted)
    // It may grow to a multiple without being copied, as it is there twice meanwhile; what is not written to takes no memory.
    else this.#compact(wanted, Math.max(MIN_ARENA_BYTES, live * GROWTH))
    return true
  }

  /** Whether enough lies dead, and may be written over, that it pays to move the blocks together: about as much is copied as four times that. */
  #isSlack(length: number): boolean {
    const words = this.#words
    const live = words[Head.LiveBytes] + length + this.#tableBytes
    const end = words[Head.ArenaEnd] + length
    const slack = Math.max(MIN_ARENA_BYTES, live * SLACK)
    if (end - this.#movedEnd <= slack || end - words[Head.ArenaStart] <= live + slack) return false
    return this.#isAlone() && Atomics.load(words, Head.Holders) === 0
  }

  /** Moves the blocks together where they are: a copy would be there beside them. */
  #slide(): void {
    const words = this.#words
    const slots = this.#slots
    // In the arena, blocks are in front of it and behind.
    const tableAt = slots.byteOffset - 4
    const tableEnd = slots.byteOffset + slots.byteLength
    const blocks = listBlocks(slots, words[Head.Names]).sort()
    let end = words[Head.ArenaStart]
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]
      const length = words[(block >> 2) + 1]
      if (end < tableEnd && end + length > tableAt) end = tableEnd
      if (end !== block) moveDown(words, end >> 2, block >> 2, length >> 2)
      blocks[i] = end
      end += length
    }
    slots.fill(SLOT_FREE)
    for (let i = 0; i < blocks.length; i++) insert(slots, blocks[i], words[blocks[i] >> 2])
    words[Head.ArenaEnd] = Math.max(end, tableEnd)
    words[Head.UsedSlots] = words[Head.Names]
    this.#movedEnd = words[Head.ArenaEnd]
  }

  /** Octets of the arena that the table takes; none while it is where it was at first. */
  get #tableBytes(): number {
    return this.#slots.byteOffset > this.#words[Head.ArenaStart] ? tableBytes(this.#slots.length) : 0
  }

  /** Makes another table behind the blocks, which stay where they are. */
  #moveTable(slotCount: number): void {
    const words = this.#words
    const oldSlots = this.#slots
    const at = words[Head.ArenaEnd]
    words[Head.ArenaEnd] = at + tableBytes(slotCount)
    const slots = new Int32Array(this.#buffer, at + 4, slotCount)
    for (const block of oldSlots) if (block > SLOT_FREED) insert(slots, block, words[block >> 2])
    words[Head.UsedSlots] = words[Head.Names]
    this.#slots = makeTable(this.#buffer, words, at, slotCount)
    this.#onHandover(this.#buffer)
  }

  #compact(slotCount: number, arenaBytes: number): void {
    const oldWords = this.#words
    const oldBytes = this.#bytes
    const oldSlots = this.#slots
    this.#buffer = this.#open(slotCount, arenaBytes)
    const words = this.#words
    for (const block of oldSlots) {
      if (block === SLOT_FREE || block === SLOT_FREED) continue
      const length = oldWords[(block >> 2) + 1]
      const at = words[Head.ArenaEnd]
      this.#bytes.set(oldBytes.subarray(block, block + length), at)
      words[Head.ArenaEnd] += length
      insert(this.#slots, at, oldWords[block >> 2])
    }
    const { LiveBytes, Names, Serial, Complete, Version, Revision, NextSerial } = Head
    for (const head of [LiveBytes, Names, Serial, Complete, Version, Revision, NextSerial]) words[head] = oldWords[head]
    words[Head.UsedSlots] = words[Head.Names]
    this.#movedEnd = words[Head.ArenaEnd]
    this.#onHandover(this.#buffer)
  }

  #open(slotCount: number, arenaBytes: number): SharedArrayBuffer {
    const arenaStart = TABLE_START + tableBytes(slotCount)
    const buffer = new SharedArrayBuffer(arenaStart + ((arenaBytes + 3) & ~3))
    this.#bytes = new Uint8Array(buffer)
    this.#words = new Uint32Array(buffer)
    this.#slots = makeTable(buffer, this.#words, TABLE_START, slotCount)
    this.#words[Head.Magic] = MAGIC
    this.#words[Head.ArenaStart] = arenaStart
    this.#words[Head.ArenaEnd] = arenaStart
    return buffer
  }
}

/** The blocks of so many names. A loop, as `filter` takes ten times as long. */
function listBlocks(slots: Int32Array, names: number): Int32Array {
  const blocks = new Int32Array(names)
  let count = 0
  for (let slot = 0; slot < slots.length; slot++) if (slots[slot] > SLOT_FREED) blocks[count++] = slots[slot]
  return blocks.subarray(0, count)
}

/** Blocks are short: a loop is done before `copyWithin` has begun. */
function moveDown(words: Uint32Array, to: number, from: number, length: number): void {
  for (let i = 0; i < length; i++) words[to + i] = words[from + i]
}

/** Puts a block into a table that has room, and nothing that was freed. */
function insert(slots: Int32Array, block: number, hash: number): void {
  const mask = slots.length - 1
  let slot = hash & mask
  while (slots[slot] !== SLOT_FREE) slot = (slot + 1) & mask
  slots[slot] = block
}

/** Where the name goes on behind the label at `from`. The root has no parent: where it is in a zone, it is the apex. */
const parentOf = (name: WireName, from: number): number => from + name[from] + 1

/** Whether `name` goes on from `from` as `origin`, which is as long. */
function isEnding(origin: WireName, name: WireName, from: number): boolean {
  for (let i = 0; i < origin.length; i++) if (origin[i] !== name[from + i]) return false
  return true
}
