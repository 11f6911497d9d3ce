// ANY is answered with HINFO (RFC 8482 section 4.2): who asks for everything gets something small.

import type { Handler } from '../../server/handler.ts'
import { Rcode, Type } from '../../wire/constants.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'

const TTL_SECONDS = 8482
/** Two character-strings: CPU and OS (RFC 1035 section 3.3.2), with CoreDNS's text. */
const HINFO = Buffer.from('\u000dANY obsoleted\u000cSee RFC 8482', 'latin1')

export class Any implements Handler {
  readonly #next: Handler
  readonly #author: number

  constructor(next: Handler, author: number) {
    this.#next = next
    this.#author = author
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (query.qtype !== Type.ANY) return this.#next.serve(query, reply)
    reply.author = this.#author
    reply.addRecord(Section.Answer, Type.HINFO, TTL_SECONDS, HINFO)
    return Rcode.NOERROR
  }
}
