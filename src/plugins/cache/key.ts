// What tells questions apart: name, type, class, DO and CD. Of these a number is made, so that looking up allocates nothing; entries have
// the whole key and compare it.

import { Flag } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'

/** Class, DO and CD in one number. */
const variantOf = (query: Query): number =>
  (query.qclass << 2) | (query.dnssecOk ? 2 : 0) | ((query.flags & Flag.CD) === 0 ? 0 : 1)

/**
 * A signed 32-bit number, which V8 keeps without an object. `seed` is a secret of the process: whoever chooses the names that are asked for
 * must not be able to choose their places in the table. (The constants are those of MurmurHash3's finalizer.)
 */
export function keyOf(query: Query, seed: number): number {
  let key = Math.imul(query.nameHash ^ seed, 0x85ebca6b)
  key = Math.imul(key ^ (key >>> 13) ^ query.qtype, 0xc2b2ae35)
  key = Math.imul(key ^ (key >>> 16) ^ variantOf(query), 0x85ebca6b)
  return key ^ (key >>> 13)
}

/** A question that is remembered, to compare others with. */
export class KnownQuestion {
  /** In lower case, in wire form. */
  readonly name: string
  readonly qtype: number
  readonly variant: number

  constructor(query: Query) {
    this.name = Buffer.from(query.name.buffer, query.name.byteOffset, query.nameLength).toString('latin1')
    this.qtype = query.qtype
    this.variant = variantOf(query)
  }

  /** Whether it is the same question: two questions may have the same key. */
  matches(query: Query): boolean {
    const { name } = this
    if (query.qtype !== this.qtype || query.nameLength !== name.length || variantOf(query) !== this.variant)
      return false
    for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== query.name[i]) return false
    return true
  }
}
