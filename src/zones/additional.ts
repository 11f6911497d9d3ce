// The additional section of an answer out of the image, also where the question's name is an alias of the block's.

import { read16, skipName } from '../wire/query.ts'
import { type Reply, Section, recordEnd, write16 } from '../wire/reply.ts'
import type { ZoneImage } from './image.ts'

/**
 * Adds the additional records of a set. Their owners end in pointers to where the block's name stands in the question; `shift` is by how
 * much that name is longer than the question's.
 */
export function addAdditional(image: ZoneImage, reply: Reply, block: number, entry: number, shift: number): void {
  const from = reply.position
  const offset = image.additionalOffset(block, entry)
  reply.addRecords(Section.Additional, image.bytes, offset, image.additionalLength(entry), image.additionalCount(entry))
  if (shift === 0) return
  const { bytes } = reply
  for (let at = from; at < reply.position; at = recordEnd(bytes, at, reply.position)) {
    const pointerAt = skipName(bytes, at, reply.position) - 2
    if (bytes[pointerAt] >= 0xc0) write16(bytes, pointerAt, read16(bytes, pointerAt) - shift)
  }
}
