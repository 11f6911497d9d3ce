import { NO_SEARCH, type SearchPath } from '../../server/searchpath.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { isWithin } from '../scope.ts'

/** One search path for all clients. */
export class FixedSearchPath implements SearchPath {
  readonly rest: readonly WireName[]
  readonly #first: WireName | undefined

  /** `suffixes` in lower case. */
  constructor([first, ...rest]: readonly WireName[]) {
    this.#first = first
    this.rest = [...rest, Uint8Array.of(0)]
  }

  match(query: Query): number {
    const first = this.#first
    if (!first || query.nameLength === first.length || !isWithin(query, first)) return NO_SEARCH
    return query.nameLength - first.length
  }
}
