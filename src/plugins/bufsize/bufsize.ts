// Caps what the client says it can take over UDP, so that answers are not fragmented on their way (RFC 9715 section 3.1).

import type { Handler } from '../../server/handler.ts'
import type { Rcode } from '../../wire/constants.ts'
import { type Query, Transport } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'

export class Bufsize implements Handler {
  readonly #next: Handler
  readonly #size: number

  constructor(next: Handler, size: number) {
    this.#next = next
    this.#size = size
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (query.hasEdns && query.udpSize > this.#size) {
      // OPT of the reply tells it, over TCP too; only UDP is bound by it.
      query.udpSize = this.#size
      if (query.transport === Transport.UDP) reply.lowerLimit(this.#size)
    }
    return this.#next.serve(query, reply)
  }
}
