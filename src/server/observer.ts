// What the server tells whoever counts.

import type { Query } from '../wire/query.ts'
import type { Reply } from '../wire/reply.ts'
import type { Rcode } from '../wire/constants.ts'

/** Called on the query path: none of these may throw or wait. */
export interface ServerObserver {
  /**
   * The server itself has answered a well-formed query: no block has the zone, the class is not served, a handler has thrown, too many
   * queries wait. CoreDNS counts these under the zone `dropped`. The reply is finished and still valid.
   */
  refused?(query: Query, reply: Reply, rcode: Rcode): void
  /** A handler has thrown or rejected (`coredns_panics_total`). */
  panicked?(error: unknown): void
  /** A socket has failed without harm to the others: a reply could not be sent, a connection could not be accepted. */
  socketFailed?(error: Error): void
}
