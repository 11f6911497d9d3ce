// A question that the server asks itself: under another name (`rewrite`, an ExternalName's target), or again without a client (a prefetch).
// It allocates; the synchronous path of a client's own question does not come through here.

import { FLAG_MASK_COPIED, HEADER_LENGTH, MAX_MESSAGE_SIZE, OPT_LENGTH, Rcode, Type } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { findOptions } from '../wire/option.ts'
import { Query } from '../wire/query.ts'
import { Reply, write16 } from '../wire/reply.ts'
import type { Handler } from './handler.ts'
import { SHORT_ROOM } from './room.ts'

export interface Question {
  /** In any spelling; answers have it so. */
  readonly name: WireName
  readonly qtype: number
  readonly qclass: number
  /** Encoded EDNS options; those of the parent when absent. With some, there is an OPT, whether the parent has one or not. */
  readonly options?: Uint8Array
}

/** Questions of the server within each other, so that two rules that lead to one another come to an end. */
const MAX_DEPTH = 16
/** The EDNS size of a question whose parent has none, as in CoreDNS. */
const UDP_SIZE = 4096

/** One such question with its reply: records begin at `query.questionEnd` of `reply.bytes` and end at `reply.position`. */
export class Subquery {
  readonly query = new Query()
  readonly reply = new Reply(Buffer.allocUnsafeSlow(SHORT_ROOM), () => Buffer.allocUnsafeSlow(MAX_MESSAGE_SIZE))

  /** On behalf of `parent`: with its id, flags, EDNS options, transport and client. */
  constructor(parent: Query, question: Question) {
    this.begin(parent, question)
  }

  /** Another question in the same objects, once nobody reads what they hold. */
  begin(parent: Query, { name, qtype, qclass, options = findOptions(parent) }: Question): void {
    const { query } = this
    const hasEdns = parent.hasEdns || options.length > 0
    const message = Buffer.alloc(HEADER_LENGTH + name.length + 4 + (hasEdns ? OPT_LENGTH + options.length : 0))
    write16(message, 0, parent.id)
    write16(message, 2, parent.flags & FLAG_MASK_COPIED)
    write16(message, 4, 1)
    message.set(name, HEADER_LENGTH)
    write16(message, HEADER_LENGTH + name.length, qtype)
    write16(message, HEADER_LENGTH + name.length + 2, qclass)
    if (hasEdns) {
      const opt = HEADER_LENGTH + name.length + 4
      write16(message, 10, 1)
      write16(message, opt + 1, Type.OPT)
      write16(message, opt + 3, parent.hasEdns ? parent.udpSize : UDP_SIZE)
      write16(message, opt + 7, parent.dnssecOk ? 0x8000 : 0)
      write16(message, opt + 9, options.length)
      message.set(options, opt + OPT_LENGTH)
    }
    query.transport = parent.transport
    // The transport's, and used for the next message as soon as the parent waits.
    query.clientAddress = parent.clientAddress.slice()
    query.clientPort = parent.clientPort
    query.depth = parent.depth + 1
    query.parse(message, 0, message.length)
    this.reply.begin(query)
    // What this reply is for decides what fits in the end; here nothing is cut.
    this.reply.maxSize = MAX_MESSAGE_SIZE
  }

  /** SERVFAIL, with the reason in `reply.failure`, when questions lead to questions without an end. */
  ask(handler: Handler): Rcode | Promise<Rcode> {
    if (this.query.depth <= MAX_DEPTH) return handler.serve(this.query, this.reply)
    this.reply.failure = new Error(
      `${MAX_DEPTH} questions within each other: rules or aliases that lead to one another`,
    )
    return Rcode.SERVFAIL
  }
}
