// What somebody off the path must not guess (RFC 5452 section 9.2): drawn from the system's generator in blocks, since a call costs more
// than a question.

import { randomFillSync } from 'node:crypto'

const block = new Uint16Array(2_048)
let at = block.length

/** 16 unpredictable bits. */
export function draw16(): number {
  if (at === block.length) {
    randomFillSync(block)
    at = 0
  }
  return block[at++]
}

/** An unpredictable number from 0 to `count - 1`; `count` is small, so that no number is much likelier than another. */
export const drawBelow = (count: number): number => draw16() % count
