// Names of a message that others wrote: where record data has them, and pointers followed with an end in sight (RFC 1035 section 4.1.4).

import { HEADER_LENGTH, MAX_NAME_LENGTH, Type } from './constants.ts'
import type { WireName } from './name.ts'
import { read16 } from './query.ts'

/** Pointers reach this far. */
export const MAX_POINTER = 0x3fff

/**
 * Record data with names that may be compressed: how many octets stand before them, and how many names there are. What RFC 3597 section 4 lists,
 * and what servers before it may have compressed.
 */
export const RDATA_NAMES: Readonly<Record<number, readonly [skipped: number, count: number] | undefined>> = {
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

/**
 * Writes the name at `from` of the message that begins at `start` to `target` from `targetAt` on, without pointers. Returns its length, or -1 when
 * it is malformed or reaches beyond `end`. A pointer must lead to what stands before the name or part of a name that it ends, so that this ends.
 */
export function writeExpanded(
  bytes: Uint8Array,
  start: number,
  end: number,
  from: number,
  target: Uint8Array,
  targetAt = 0,
): number {
  let at = from
  let partAt = from
  let length = 0
  for (;;) {
    if (at >= end) return -1
    const label = bytes[at]
    if (label >= 0xc0) {
      if (at + 2 > end) return -1
      at = start + (read16(bytes, at) & MAX_POINTER)
      if (at >= partAt || at < start + HEADER_LENGTH) return -1
      partAt = at
      continue
    }
    if (label > 63 || at + label >= end || length + label + 1 > MAX_NAME_LENGTH) return -1
    for (let i = 0; i <= label; i++) target[targetAt + length++] = bytes[at++]
    if (label === 0) return length
  }
}

const scratch = new Uint8Array(MAX_NAME_LENGTH)

/** The name at `at` as `writeExpanded` writes it; undefined when it is malformed or reaches beyond `end`. */
export function expandName(bytes: Uint8Array, start: number, at: number, end = bytes.length): WireName | undefined {
  const length = writeExpanded(bytes, start, end, at, scratch)
  return length < 0 ? undefined : scratch.slice(0, length)
}

/** Whether the name at `from` ends by itself, or with a pointer to what stands before it. The name is known to lie within the message. */
export function pointsBack(bytes: Uint8Array, start: number, from: number): boolean {
  let at = from
  while (bytes[at] !== 0 && bytes[at] < 0xc0) at += bytes[at] + 1
  if (bytes[at] === 0) return true
  const target = start + (read16(bytes, at) & MAX_POINTER)
  return target < from && target >= start + HEADER_LENGTH
}
