// The zones that a plugin answers for, and which of them a question is in.

import { type WireName, nameLength } from '../wire/name.ts'
import type { Query } from '../wire/query.ts'

export const NO_ZONE = -1

/** A fixed set of zones. Finding the longest that holds a name allocates nothing. */
export class Origins {
  /** Lower case, the longest first. */
  readonly names: readonly WireName[]
  readonly #labelCounts: readonly number[]

  constructor(names: readonly WireName[]) {
    this.names = [...names].sort((a, b) => b.length - a.length)
    this.#labelCounts = this.names.map(countLabels)
  }

  /** Where in the question's name the longest zone begins that it is in, or NO_ZONE. */
  match(query: Query): number {
    const { names } = this
    for (let i = 0; i < names.length; i++) {
      const skip = query.labelCount - this.#labelCounts[i]
      if (skip < 0) continue
      const at = skip === query.labelCount ? query.nameLength - 1 : query.labels[skip]
      if (query.nameLength - at === names[i].length && endsWith(query.name, at, names[i])) return at
    }
    return NO_ZONE
  }
}

/** How many labels the question's name has in front of the zone that begins at `zoneAt`. */
export function labelsBefore(query: Query, zoneAt: number): number {
  let count = query.labelCount
  while (count > 0 && query.labels[count - 1] >= zoneAt) count--
  return count
}

function endsWith(name: Uint8Array, at: number, origin: WireName): boolean {
  for (let i = 0; i < origin.length; i++) if (name[at + i] !== origin[i]) return false
  return true
}

function countLabels(name: WireName): number {
  let count = 0
  for (let at = 0; at < nameLength(name) - 1; at += name[at] + 1) count++
  return count
}
