// Names that are answered like another name of the image, as CoreDNS does: underscores of `_port._protocol` may be left out, and labels in
// front of a Pod's name do not count.

import type { Query } from '../../wire/query.ts'
import { type ZoneImage, NO_BLOCK } from '../../zones/image.ts'
import { labelsBefore } from '../../zones/origins.ts'
import { Underscores } from '../../zones/underscores.ts'
import { isCategory } from './category.ts'

export class AliasFinder {
  /** How many octets the name of the block that was found last is longer than the question's; negative when it is shorter. */
  shift = 0
  readonly #underscores = new Underscores()

  /** The block that the question's name stands for, or NO_BLOCK. */
  find(image: ZoneImage, query: Query, zoneAt: number): number {
    const labels = labelsBefore(query, zoneAt)
    if (labels < 4 || labels > 5) return NO_BLOCK
    if (isCategory(query, labels, 'svc')) {
      const block = this.#underscores.find(image, query, labels - 3)
      this.shift = this.#underscores.shift
      return block
    }
    if (!isCategory(query, labels, 'pod')) return NO_BLOCK
    const from = query.labels[labels - 3]
    this.shift = -from
    return image.lookup(query.name, from, query.nameLength - from)
  }
}
