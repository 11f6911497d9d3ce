// What differs between two images of the same zones.

import { setImmediate as turn } from 'node:timers/promises'
import type { Blocks } from './blocks.ts'
import { type FrozenImage, type ZoneImage, NO_BLOCK } from './image.ts'
import { BLOCK_WORDS, ENTRY_WORDS, SLOT_FREED } from './layout.ts'

/** Slots that are looked at before others have their turn. */
const SLOTS_PER_TURN = 1 << 12
/** Hash, size and the count of children; the first two are compared as numbers, and the third is the writer's. */
const UNCOMPARED_BYTES = 12

/** How many names have come, gone or changed from the one to the other, as both are now; undefined while something is being published. */
export async function countDifferences(before: ZoneImage, after: ZoneImage): Promise<number | undefined> {
  const [old, next] = [before.freeze(), after.freeze()]
  try {
    return old && next && (await count(old, next, before))
  } finally {
    old?.release()
    next?.release()
  }
}

async function count(old: FrozenImage, next: FrozenImage, before: ZoneImage): Promise<number> {
  let same = 0
  let both = 0
  for (let slot = 0; slot < next.slots.length; slot++) {
    if (slot % SLOTS_PER_TURN === SLOTS_PER_TURN - 1) await turn()
    const block = next.slots[slot]
    if (block <= SLOT_FREED) continue
    const meta = next.words[(block >> 2) + 3]
    const nameAt = block + (BLOCK_WORDS + ((meta >> 8) & 0xff) * ENTRY_WORDS) * 4
    const known = before.find(next.bytes, nameAt, meta & 0xff, next.words[block >> 2] | 0)
    if (known === NO_BLOCK) continue
    both++
    if (isSame(old, known, next, block)) same++
  }
  return next.names - both + (old.names - both) + (both - same)
}

/** Whether two blocks of a name hold the same. */
export function isSame(one: Blocks, block: number, other: Blocks, otherBlock: number): boolean {
  const size = one.words[(block >> 2) + 1]
  if (other.words[(otherBlock >> 2) + 1] !== size) return false
  const from = otherBlock + UNCOMPARED_BYTES
  return one.bytes.compare(other.bytes, from, otherBlock + size, block + UNCOMPARED_BYTES, block + size) === 0
}
