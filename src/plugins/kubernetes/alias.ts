// Names that are answered like another name of the image, as CoreDNS does: underscores of `_port._protocol` may be left out, and labels in
// front of a Pod's name do not count.

import { MAX_NAME_LENGTH } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import { type ZoneImage, NO_BLOCK } from '../../zones/image.ts'
import { isCategory, labelsBefore } from './category.ts'

const UNDERSCORE = 0x5f

export class AliasFinder {
  /** How many octets the name of the block that was found last is longer than the question's; negative when it is shorter. */
  shift = 0
  readonly #name = new Uint8Array(MAX_NAME_LENGTH + 2)

  /** The block that the question's name stands for, or NO_BLOCK. */
  find(image: ZoneImage, query: Query, zoneAt: number): number {
    const labels = labelsBefore(query, zoneAt)
    if (labels < 4 || labels > 5) return NO_BLOCK
    if (isCategory(query, labels, 'svc')) return this.#findUnderscored(image, query, labels - 3)
    if (!isCategory(query, labels, 'pod')) return NO_BLOCK
    const from = query.labels[labels - 3]
    this.shift = -from
    return image.lookup(query.name, from, query.nameLength - from)
  }

  /** Looks for the name with an underscore in front of each of its first `count` labels. */
  #findUnderscored(image: ZoneImage, query: Query, count: number): number {
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
