// Where a name stands in the tree of a zone: counted in labels from the zone to the left, the first is the category, `svc` or `pod`.

import type { Query } from '../../wire/query.ts'

const CATEGORIES = { svc: Buffer.from('\x03svc', 'latin1'), pod: Buffer.from('\x03pod', 'latin1') } as const

/** Whether the label next to the zone, the last of `labels`, is this category. */
export function isCategory(query: Query, labels: number, category: keyof typeof CATEGORIES): boolean {
  const label = CATEGORIES[category]
  const at = query.labels[labels - 1]
  const { name } = query
  return name[at] === 3 && name[at + 1] === label[1] && name[at + 2] === label[2] && name[at + 3] === label[3]
}
