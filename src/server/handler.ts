// The one contract that every plugin on the query path meets.

import type { Query } from '../wire/query.ts'
import type { Reply } from '../wire/reply.ts'
import { Rcode } from '../wire/constants.ts'

/**
 * Answers a query, or hands it to the next handler.
 *
 * The handler writes records and flags to `reply` and returns the rcode; header, question and OPT are the server's. A handler that writes
 * nothing and returns REFUSED or SERVFAIL has answered too. It is synchronous and allocates nothing whenever the answer is known; a promise
 * is for what must be waited for (an upstream). `query` and `reply` belong to the handler until it has returned, or its promise has settled. After
 * the first `await` the message lies elsewhere: read `query.bytes` and the offsets into it anew, keep no copy of them.
 * A handler that returns NO_ANSWER wants the client to hear nothing.
 * Handlers do not throw by design; what still throws becomes SERVFAIL and is counted.
 */
export interface Handler {
  serve(query: Query, reply: Reply): Rcode | Promise<Rcode>
}

/** In place of an rcode: nothing is sent, as if the query had been lost (`acl`'s drop). Whoever looks at a reply has none to look at. */
export const NO_ANSWER = -1

/** The end of every chain: nobody had an answer (CoreDNS: `no next plugin found`). */
export const NO_HANDLER: Handler = { serve: () => Rcode.SERVFAIL }
