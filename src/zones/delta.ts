// What a zone has lost and got between two moments, record by record (RFC 1995 section 4).

import type { WireName } from '../wire/name.ts'
import { read16 } from '../wire/query.ts'
import type { Rrset } from '../wire/rrset.ts'
import { encodeBlock } from './block.ts'
import { type Blocks, countRecords, nameAtOf, nameLengthOf, typeOf, zoneEntries } from './blocks.ts'
import { isSame } from './difference.ts'
import { NO_BLOCK, type ZoneImage } from './image.ts'
import { SLOT_FREED } from './layout.ts'

/** Blocks that hold only the records that are in one of the two; at most one for a name. */
export interface Delta {
  readonly removed: Uint8Array[]
  readonly added: Uint8Array[]
}

/** Of a record in a block: its owner, a pointer; where TTL and rdata's length are behind that, and rdata. */
const POINTER_LENGTH = 2
const TTL_AT = 4
const LENGTH_AT = 8
const RDATA_AT = 10
/** Most of a table is as it was: one comparison for so much of it. */
const SLOTS_AT_ONCE = 1 << 8

export function compareImages(before: ZoneImage, after: ZoneImage): Delta {
  const removed: Uint8Array[] = []
  const added: Uint8Array[] = []
  for (const block of listOthers(before, after)) {
    const next = findName(after, before, block)
    if (next !== NO_BLOCK && isSame(before, block, after, next)) continue
    removed.push(...subtract(before, block, after, next))
    if (next !== NO_BLOCK) added.push(...subtract(after, next, before, block))
  }
  for (const block of listOthers(after, before)) {
    if (findName(before, after, block) === NO_BLOCK) added.push(...subtract(after, block, before, NO_BLOCK))
  }
  return { removed, added }
}

/** Blocks never change: in the same memory, only those are listed that are not where they were, else all. */
function listOthers(image: ZoneImage, other: ZoneImage): number[] {
  const [slots, others] = [image.slots, other.slots]
  const isSameMemory = image.bytes.buffer === other.bytes.buffer
  const found: number[] = []
  for (let from = 0; from < slots.length; from += SLOTS_AT_ONCE) {
    const end = Math.min(slots.length, from + SLOTS_AT_ONCE)
    if (isSameMemory && octetsOf(slots, from, end).equals(octetsOf(others, from, end))) continue
    for (let slot = from; slot < end; slot++) {
      const block = slots[slot]
      if (block > SLOT_FREED && !(isSameMemory && others[slot] === block)) found.push(block)
    }
  }
  return found
}

const octetsOf = ({ buffer, byteOffset }: Int32Array, from: number, end: number): Buffer =>
  Buffer.from(buffer, byteOffset + from * 4, (end - from) * 4)

/** The block of `image` with the name of a block of `other`. */
const findName = (image: ZoneImage, other: ZoneImage, block: number): number =>
  image.find(other.bytes, nameAtOf(other, block), nameLengthOf(other, block), other.words[block >> 2])

/** The records of `block` that `other` of the same name has not, as a block; none where it has all. */
function subtract(blocks: Blocks, block: number, others: Blocks, other: number): Uint8Array[] {
  const otherEntries = other === NO_BLOCK ? [] : zoneEntries(others, other)
  const rrsets = zoneEntries(blocks, block).flatMap((entry): Rrset[] => {
    const type = typeOf(blocks.words, entry)
    const twin = otherEntries.find(candidate => typeOf(others.words, candidate) === type)
    const records = recordsOf(blocks, block, entry)
    const known = twin === undefined ? undefined : recordsOf(others, other, twin)
    if (known?.equals(records)) return []
    const keys = new Set(known && split(known, countRecords(others.words, twin!)).map(keyOf))
    const rdata = split(records, countRecords(blocks.words, entry)).filter(record => !keys.has(keyOf(record)))
    if (rdata.length === 0) return []
    const ttlSeconds = records.readUInt32BE(POINTER_LENGTH + TTL_AT)
    return [{ type, ttlSeconds, rdata: rdata.map(record => record.subarray(RDATA_AT)) }]
  })
  return rrsets.length === 0 ? [] : [encodeBlock(readName(blocks, block), rrsets, 0)]
}

function readName(blocks: Blocks, block: number): WireName {
  const at = nameAtOf(blocks, block)
  return blocks.bytes.subarray(at, at + nameLengthOf(blocks, block))
}

function recordsOf({ bytes, words }: Blocks, block: number, entry: number): Buffer {
  const from = block + words[entry + 1]
  return bytes.subarray(from, from + words[entry + 2])
}

/** Each record from behind its owner. Its TTL counts: a record with another one is another record. */
function split(records: Buffer, count: number): Buffer[] {
  let at = 0
  return Array.from({ length: count }, () => {
    const from = at + POINTER_LENGTH
    at = from + RDATA_AT + read16(records, from + LENGTH_AT)
    return records.subarray(from, at)
  })
}

const keyOf = (record: Buffer): string => record.toString('latin1')
