// Encodes one name with its record sets as a block of the zone image. See layout.ts.

import { HEADER_LENGTH, MAX_MESSAGE_SIZE, QUESTION_POINTER } from '../wire/constants.ts'
import { type WireName, hashName } from '../wire/name.ts'
import { write16 } from '../wire/reply.ts'
import type { Rrset } from '../wire/rrset.ts'
import { BLOCK_WORDS, ENTRY_WORDS } from './layout.ts'

/** A block that can be written into an image; its length is a multiple of 4. As `writeBlock`. */
export function encodeBlock(name: WireName, rrsets: readonly Rrset[], flags: number): Uint8Array {
  const bytes = new Uint8Array(measureBlock(name, rrsets))
  const hash = hashName(name, 0, name.length)
  return bytes.subarray(0, writeBlock(bytes, new Uint32Array(bytes.buffer), 0, { name, hash, rrsets, flags }))
}

/** What a block is made from. */
export interface BlockContent {
  readonly name: WireName
  /** Of the name, as `hashName` gives it. */
  readonly hash: number
  readonly rrsets: readonly Rrset[]
  readonly flags: number
}

/** The most octets that it takes: owners of additional records are counted as if none of them could be compressed. */
export function measureBlock(name: WireName, rrsets: readonly Rrset[]): number {
  let size = (BLOCK_WORDS + rrsets.length * ENTRY_WORDS) * 4 + name.length
  for (const { rdata, additional } of rrsets) {
    for (const data of rdata) size += RECORD_BYTES + data.length
    if (additional) for (const record of additional) size += record.owner.length + RECORD_BYTES + record.rdata.length
  }
  return (size + 3) & ~3
}

/**
 * Writes the block to `start`, a multiple of 4, in `bytes`, of which `words` are the words, and returns how many octets it takes. It has no children
 * yet. A set that is larger than any message is cut behind the first record that no longer fits one, so that its answer is truncated and its memory
 * bounded.
 */
export function writeBlock(
  bytes: Uint8Array,
  words: Uint32Array,
  start: number,
  { name, hash, rrsets, flags }: BlockContent,
): number {
  const head = start >> 2
  let entry = head + BLOCK_WORDS
  let at = copy(bytes, start + (BLOCK_WORDS + rrsets.length * ENTRY_WORDS) * 4, name, name.length)
  for (const { type, ttlSeconds, rdata, additional } of rrsets) {
    const from = at
    let count = 0
    for (const data of rdata) {
      if (at - from > MAX_MESSAGE_SIZE) break
      at = writeRecord(bytes, writePointer(bytes, at, QUESTION_POINTER), type, ttlSeconds, data)
      count++
    }
    const additionalFrom = at
    let additionalCount = 0
    if (additional) {
      for (const record of additional) {
        if (at - additionalFrom > MAX_MESSAGE_SIZE) break
        at = writeOwner(bytes, at, record.owner, name)
        at = writeRecord(bytes, at, record.type, record.ttlSeconds, record.rdata)
        additionalCount++
      }
    }
    words[entry] = type | (count << 16)
    words[entry + 1] = from - start
    words[entry + 2] = additionalFrom - from
    words[entry + 3] = additionalFrom - start
    words[entry + 4] = at - additionalFrom
    words[entry + 5] = additionalCount
    entry += ENTRY_WORDS
  }
  // What was written here before may not have been kept.
  while ((at & 3) !== 0) bytes[at++] = 0
  words[head] = hash
  words[head + 1] = at - start
  words[head + 2] = 0
  words[head + 3] = name.length | (rrsets.length << 8) | (flags << 16)
  return at - start
}

/** Of a record beside its owner, which is a pointer, and its data. */
const RECORD_BYTES = 12

/** Names and rdata are short: a loop is done before `set` has begun. Returns where they end. */
function copy(bytes: Uint8Array, at: number, octets: Uint8Array, length: number): number {
  for (let i = 0; i < length; i++) bytes[at + i] = octets[i]
  return at + length
}

function writeRecord(bytes: Uint8Array, at: number, type: number, ttlSeconds: number, rdata: Uint8Array): number {
  write16(bytes, at, type)
  write16(bytes, at + 2, 1)
  write16(bytes, at + 4, ttlSeconds >>> 16)
  write16(bytes, at + 6, ttlSeconds)
  write16(bytes, at + 8, rdata.length)
  return copy(bytes, at + 10, rdata, rdata.length)
}

function writePointer(bytes: Uint8Array, at: number, pointer: number): number {
  bytes[at] = pointer >> 8
  bytes[at + 1] = pointer
  return at + 2
}

/**
 * Writes the labels of `owner` up to the longest ending that it shares with `name`, then a pointer to that ending in the question, where
 * `name` will stand (RFC 1035 section 4.1.4). Nothing else is ever pointed to, so records may be moved within a reply.
 */
function writeOwner(bytes: Uint8Array, at: number, owner: WireName, name: WireName): number {
  for (let i = 0; owner[i] !== 0; i += owner[i] + 1) {
    const offset = findEnding(owner, i, name)
    if (offset >= 0) {
      return writePointer(bytes, copy(bytes, at, owner, i), 0xc000 | (HEADER_LENGTH + offset))
    }
  }
  return copy(bytes, at, owner, owner.length)
}

/** Where `owner[from …]` stands at the end of `name`, or -1. */
function findEnding(owner: WireName, from: number, name: WireName): number {
  const offset = name.length - (owner.length - from)
  if (offset < 0) return -1
  let at = 0
  while (at < offset) at += name[at] + 1
  if (at !== offset) return -1
  for (let i = from; i < owner.length; i++) if (owner[i] !== name[offset + i - from]) return -1
  return offset
}
