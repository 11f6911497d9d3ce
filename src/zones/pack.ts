// A zone image for a file: its blocks, one behind the other. The table is made anew from them, so that whatever the file says, each slot leads
// to a whole block, and half of the slots are free.

import type { FrozenImage } from './image.ts'
import { BLOCK_WORDS, ENTRY_WORDS, Head, MAGIC, SLOT_FREED, TABLE_START, makeTable, tableBytes } from './layout.ts'

/** What is copied in one turn of the event loop, and how many slots are looked at for it. */
const PORTION_BYTES = 64 << 10
const SLOTS_PER_PORTION = 1 << 14
const MIN_SLOTS = 1 << 10
/** The head, and the root's name. */
const MIN_BLOCK_BYTES = BLOCK_WORDS * 4 + 4

/** All blocks, in portions, some of them empty. All lie in the same memory: each is there until the next is asked for. */
export function* packImage(image: FrozenImage): Generator<Uint8Array> {
  const { slots, words } = image
  let memory = new Uint8Array(PORTION_BYTES)
  for (let slot = 0; slot < slots.length; ) {
    const end = Math.min(slots.length, slot + SLOTS_PER_PORTION)
    let size = 0
    for (; slot < end; slot++) {
      const block = slots[slot]
      if (block <= SLOT_FREED) continue
      const length = words[(block >> 2) + 1]
      if (size + length > memory.length) {
        if (size > 0) break
        memory = new Uint8Array(length)
      }
      image.bytes.copy(memory, size, block, block + length)
      // The count of children is the writer's, and may have changed since the table was frozen.
      memory.fill(0, size + 8, size + 12)
      size += length
    }
    yield memory.subarray(0, size)
  }
}

/**
 * An image for readers alone, of the octets that `packImage` has made of so many names. It is stale, and not complete. Undefined where the octets
 * are something else.
 */
export function unpackImage(octets: Uint8Array, names: number, serial: number): SharedArrayBuffer | undefined {
  if (octets.length % 4 !== 0 || names * MIN_BLOCK_BYTES > octets.length) return undefined
  let slotCount = MIN_SLOTS
  while (slotCount < names * 2) slotCount *= 2
  const arenaStart = TABLE_START + tableBytes(slotCount)
  const buffer = new SharedArrayBuffer(arenaStart + octets.length)
  new Uint8Array(buffer, arenaStart).set(octets)
  const words = new Uint32Array(buffer)
  const slots = makeTable(buffer, words, TABLE_START, slotCount)
  let found = 0
  for (let at = arenaStart; at < buffer.byteLength; at += words[(at >> 2) + 1]) {
    if (found === names || !isBlock(words, at)) return undefined
    let slot = words[at >> 2] & (slotCount - 1)
    while (slots[slot] !== 0) slot = (slot + 1) & (slotCount - 1)
    slots[slot] = at
    found++
  }
  if (found !== names) return undefined
  words[Head.Magic] = MAGIC
  words[Head.ArenaStart] = arenaStart
  words[Head.ArenaEnd] = buffer.byteLength
  words[Head.LiveBytes] = octets.length
  words[Head.UsedSlots] = names
  words[Head.Names] = names
  words[Head.Serial] = serial
  words[Head.Stale] = 1
  return buffer
}

/** Whether everything that the block at `at` says of itself lies within it, and it within the image. */
function isBlock(words: Uint32Array, at: number): boolean {
  const head = at >> 2
  const size = words[head + 1]
  if (size < MIN_BLOCK_BYTES || size % 4 !== 0 || at + size > words.byteLength) return false
  const count = (words[head + 3] >> 8) & 0xff
  const dataStart = (BLOCK_WORDS + count * ENTRY_WORDS) * 4 + (words[head + 3] & 0xff)
  if (dataStart > size) return false
  for (let i = 0, entry = head + BLOCK_WORDS; i < count; i++, entry += ENTRY_WORDS) {
    if (words[entry + 1] + words[entry + 2] > size || words[entry + 3] + words[entry + 4] > size) return false
  }
  return true
}
