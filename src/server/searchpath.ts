// What a client's resolver appends to a name that it looks for, one suffix after the other, as `autopath` follows it.

import type { WireName } from '../wire/name.ts'
import type { Query } from '../wire/query.ts'

export const NO_SEARCH = -1

export interface SearchPath {
  /**
   * Where in the question's name the first suffix of the client's search path begins; NO_SEARCH when the name does not end in it, is nothing but
   * it, or when nothing is known of the client. Allocates nothing.
   */
  match(query: Query): number
  /** The suffixes behind the first, for the query that has matched last; the root is the last. */
  readonly rest: readonly WireName[]
}
