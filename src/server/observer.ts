// What the server tells whoever counts.

import type { Query } from '../wire/query.ts'
import type { Reply } from '../wire/reply.ts'
import type { Rcode } from '../wire/constants.ts'

/** Why the server ends a connection that has not ended itself. */
export const DropReason = {
  /** There are too many, and this one was idle. */
  Idle: 'idle',
  /** There are too many, all busy, and this one is new. */
  Full: 'full',
  /** All of them hold too much, and this one its share, for longest. */
  Memory: 'memory',
} as const
export type DropReason = (typeof DropReason)[keyof typeof DropReason]

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
  /** A TCP connection was dropped. */
  connectionDropped?(reason: DropReason): void
  /** So many TCP connections are open at the listener, and hold so many octets. */
  connectionsChanged?(count: number, heldOctets: number): void
  /** So many queries wait for their handlers. */
  waitingChanged?(count: number): void
}
