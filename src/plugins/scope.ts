import type { WireName } from '../wire/name.ts'
import type { Query } from '../wire/query.ts'

/** Whether the question's name is `origin` or below it; `origin` is in lower case. */
export function isWithin(query: Query, origin: WireName): boolean {
  const { name, labels } = query
  const skip = query.nameLength - origin.length
  if (skip < 0) return false
  for (let i = 0; i < origin.length; i++) if (name[skip + i] !== origin[i]) return false
  if (skip === 0 || origin.length === 1) return true
  // The same octets may also end the label of another name: only a whole label begins where `labels` says.
  for (let i = 0; i < query.labelCount; i++) if (labels[i] >= skip) return labels[i] === skip
  return false
}
