// A question that the server asks itself: under another name (`rewrite`, an ExternalName's target), or again without a client (a prefetch).
// It allocates; the synchronous path of a client's own question does not come through here.

import { FLAG_MASK_COPIED, HEADER_LENGTH, MAX_MESSAGE_SIZE, OPT_LENGTH, type Rcode, Type } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { Query } from '../wire/query.ts'
import { Reply, write16 } from '../wire/reply.ts'
import type { Handler } from './handler.ts'

export interface Question {
  /** In any spelling; answers have it so. */
  readonly name: WireName
  readonly qtype: number
  readonly qclass: number
}

/** One such question with its reply: records begin at `query.questionEnd` of `reply.bytes` and end at `reply.position`. */
export class Subquery {
  readonly query = new Query()
  readonly reply: Reply

  /** On behalf of `parent`: with its id, flags, EDNS options, transport and client. */
  constructor(parent: Query, { name, qtype, qclass }: Question) {
    const { query } = this
    const message = Buffer.alloc(HEADER_LENGTH + name.length + 4 + (parent.hasEdns ? OPT_LENGTH : 0))
    write16(message, 0, parent.id)
    write16(message, 2, parent.flags & FLAG_MASK_COPIED)
    write16(message, 4, 1)
    message.set(name, HEADER_LENGTH)
    write16(message, HEADER_LENGTH + name.length, qtype)
    write16(message, HEADER_LENGTH + name.length + 2, qclass)
    if (parent.hasEdns) {
      const opt = HEADER_LENGTH + name.length + 4
      write16(message, 10, 1)
      write16(message, opt + 1, Type.OPT)
      write16(message, opt + 3, parent.udpSize)
      write16(message, opt + 7, parent.dnssecOk ? 0x8000 : 0)
    }
    query.transport = parent.transport
    query.clientAddress = parent.clientAddress
    query.clientPort = parent.clientPort
    query.parse(message, 0, message.length)
    this.reply = new Reply(Buffer.allocUnsafe(MAX_MESSAGE_SIZE))
    this.reply.begin(query)
    // What this reply is for decides what fits in the end; here nothing is cut.
    this.reply.limit = MAX_MESSAGE_SIZE
  }

  ask(handler: Handler): Rcode | Promise<Rcode> {
    return handler.serve(this.query, this.reply)
  }
}
