// Names of ports without the underscores that RFC 2782 puts in front of port and protocol: CoreDNS answers them too.

import { MAX_NAME_LENGTH } from '../wire/constants.ts'
import type { Query } from '../wire/query.ts'
import { type ZoneImage, NO_BLOCK } from './image.ts'

const UNDERSCORE = 0x5f

export class Underscores {
  /** How many octets the name of the block that was found last is longer than the question's. */
  shift = 0
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 2)

  /** The block of the question's name with an underscore in front of each of its first `count` labels; NO_BLOCK also where all have one. */
  find(image: ZoneImage, query: Query, count: number): number {
    const name = this.#name
    let at = 0
    for (let i = 0; i < count; i++) {
      const from = query.labels[i]
      const length = query.name[from]
      const missing = query.name[from + 1] === UNDERSCORE ? 0 : 1
      name[at++] = length + missing
      if (missing === 1) name[at++] = UNDERSCORE
      for (let j = 1; j <= length; j++) name[at++] = query.name[from + j]
    }
    const rest = query.labels[count]
    const length = at + query.nameLength - rest
    this.shift = length - query.nameLength
    if (this.shift === 0 || length > MAX_NAME_LENGTH) return NO_BLOCK
    for (let i = rest; i < query.nameLength; i++) name[at++] = query.name[i]
    return image.lookup(name, 0, length)
  }
}
