import { type WireName, lowerName, parseName } from '../wire/name.ts'
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

export const NO_ZONE = -1

/** The zones that a directive is for, or falls through for. Finding one allocates nothing. */
export class Scope {
  /** Absolute, in lower case, the longest first. */
  readonly zones: readonly string[]
  readonly #origins: readonly WireName[]

  /** Takes the names as a Cursor gives them; throws for what is none. */
  constructor(zones: readonly string[]) {
    const origins = zones.map(zone => {
      const name = parseName(zone)
      if (!name) throw new Error(`zone ${zone}: not a domain name`)
      return { zone, origin: lowerName(name) }
    })
    origins.sort((a, b) => b.origin.length - a.origin.length)
    this.zones = origins.map(({ zone }) => zone)
    this.#origins = origins.map(({ origin }) => origin)
  }

  /** Which of `zones` is the longest that the question's name is in, or NO_ZONE. */
  find(query: Query): number {
    const origins = this.#origins
    for (let i = 0; i < origins.length; i++) if (isWithin(query, origins[i])) return i
    return NO_ZONE
  }

  has(query: Query): boolean {
    return this.find(query) !== NO_ZONE
  }
}
