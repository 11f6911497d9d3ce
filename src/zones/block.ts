// Encodes one name with its record sets as a block of the zone image. See layout.ts.

import { HEADER_LENGTH, MAX_MESSAGE_SIZE, QUESTION_POINTER } from '../wire/constants.ts'
import { type WireName, hashName } from '../wire/name.ts'
import { write16 } from '../wire/reply.ts'
import type { AdditionalRecord, Rrset } from '../wire/rrset.ts'
import { BLOCK_WORDS, ENTRY_WORDS } from './layout.ts'

/**
 * A block that can be written into an image; its length is a multiple of 4. A set that is larger than any message is cut behind the first
 * record that no longer fits one, so that its answer is truncated and its memory bounded.
 */
export function encodeBlock(name: WireName, rrsets: readonly Rrset[], flags: number): Uint8Array {
  const dataStart = (BLOCK_WORDS + rrsets.length * ENTRY_WORDS) * 4 + name.length
  const size = dataStart + rrsets.reduce((sum, rrset) => sum + measure(rrset), 0)
  const bytes = new Uint8Array((size + 3) & ~3)
  const words = new Uint32Array(bytes.buffer)
  bytes.set(name, dataStart - name.length)
  let at = dataStart
  let entry = BLOCK_WORDS
  for (const { type, ttlSeconds, rdata, additional = [] } of rrsets) {
    const from = at
    let count = 0
    for (const data of rdata) {
      if (at - from > MAX_MESSAGE_SIZE) break
      at = writeRecord(bytes, writePointer(bytes, at, QUESTION_POINTER), type, ttlSeconds, data)
      count++
    }
    const additionalFrom = at
    let additionalCount = 0
    for (const record of additional) {
      if (at - additionalFrom > MAX_MESSAGE_SIZE) break
      at = writeOwner(bytes, at, record.owner, name)
      at = writeRecord(bytes, at, record.type, record.ttlSeconds, record.rdata)
      additionalCount++
    }
    words[entry] = type | (count << 16)
    words[entry + 1] = from
    words[entry + 2] = additionalFrom - from
    words[entry + 3] = additionalFrom
    words[entry + 4] = at - additionalFrom
    words[entry + 5] = additionalCount
    entry += ENTRY_WORDS
  }
  const used = (at + 3) & ~3
  words[0] = hashName(name, 0, name.length)
  words[1] = used
  words[3] = name.length | (rrsets.length << 8) | (flags << 16)
  return bytes.subarray(0, used)
}

/** An upper bound of what a set takes: owners of additional records are counted as if none of them could be compressed. */
function measure({ rdata, additional = [] }: Rrset): number {
  const answers = rdata.reduce((sum, data) => sum + 12 + data.length, 0)
  return additional.reduce(
    (sum, record: AdditionalRecord) => sum + record.owner.length + 12 + record.rdata.length,
    answers,
  )
}

function writeRecord(bytes: Uint8Array, at: number, type: number, ttlSeconds: number, rdata: Uint8Array): number {
  write16(bytes, at, type)
  write16(bytes, at + 2, 1)
  write16(bytes, at + 4, ttlSeconds >>> 16)
  write16(bytes, at + 6, ttlSeconds)
  write16(bytes, at + 8, rdata.length)
  bytes.set(rdata, at + 10)
  return at + 10 + rdata.length
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
      bytes.set(owner.subarray(0, i), at)
      return writePointer(bytes, at + i, 0xc000 | (HEADER_LENGTH + offset))
    }
  }
  bytes.set(owner, at)
  return at + owner.length
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
