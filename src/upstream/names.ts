// Names of a message that others wrote: pointers followed, with an end in sight (RFC 1035 section 4.1.4).

import { HEADER_LENGTH, MAX_NAME_LENGTH } from '../wire/constants.ts'
import { read16 } from '../wire/query.ts'

/**
 * Writes the name at `at` of the message `bytes[start, end)` to `target` from `targetAt` on, without pointers. Returns its length, or -1 when it is malformed.
 * A pointer must lead to what stands before the name or part of a name that it ends, so that this ends.
 */
export function expandName(
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
      at = start + (read16(bytes, at) & 0x3fff)
      if (at >= partAt || at < start + HEADER_LENGTH) return -1
      partAt = at
      continue
    }
    if (label > 63 || at + label >= end || length + label + 1 > MAX_NAME_LENGTH) return -1
    for (let i = 0; i <= label; i++) target[targetAt + length++] = bytes[at++]
    if (label === 0) return length
  }
}

/** Whether the name at `at` ends by itself, or with a pointer to what stands before it. The name is known to lie within the message. */
export function pointsBack(bytes: Uint8Array, start: number, from: number): boolean {
  let at = from
  while (bytes[at] !== 0 && bytes[at] < 0xc0) at += bytes[at] + 1
  if (bytes[at] === 0) return true
  const target = start + (read16(bytes, at) & 0x3fff)
  return target < from && target >= start + HEADER_LENGTH
}
