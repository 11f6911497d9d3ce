// Leaves out of a positive answer what nobody asked for: the authority and additional sections.

import type { Handler } from '../../server/handler.ts'
import { MAX_MESSAGE_SIZE, Opcode, Rcode, Type } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'

export class Minimal implements Handler {
  readonly #next: Handler
  readonly #records = new RecordCursor()

  constructor(next: Handler) {
    this.#next = next
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    // What is left out in the end must not crowd out anything, nor set TC: the limit holds for what remains.
    const { maxSize } = reply
    reply.maxSize = MAX_MESSAGE_SIZE
    const rcode = this.#next.serve(query, reply)
    if (typeof rcode !== 'number') return this.#settle(query, reply, rcode, maxSize)
    this.#cut(query, reply, rcode, maxSize)
    return rcode
  }

  async #settle(query: Query, reply: Reply, pending: Promise<Rcode>, maxSize: number): Promise<Rcode> {
    const rcode = await pending
    this.#cut(query, reply, rcode, maxSize)
    return rcode
  }

  /** Records of later sections stand behind: where a section ends, the message may end. */
  #cut(query: Query, reply: Reply, rcode: Rcode, maxSize: number): void {
    const records = this.#records
    const { counts } = reply
    const from = reply.start + query.questionEnd - query.start
    records.reset(reply.bytes, from, reply.position, counts[0], counts[1], counts[2])
    let end = from
    let hasSoa = false
    let hasNs = false
    while (records.next()) {
      if (records.section === Section.Answer) end = records.end
      else if (records.section === Section.Additional) break
      else if (records.type === Type.SOA) hasSoa = true
      else if (records.type === Type.NS) hasNs = true
    }
    // CoreDNS plugin/pkg/response: denials, delegations and errors are passed on as they are.
    const isPositive = rcode === Rcode.NOERROR && (counts[Section.Answer] > 0 || !(hasSoa || hasNs))
    if (isPositive && !isMeta(query) && !records.isBroken) {
      counts[Section.Authority] = 0
      counts[Section.Additional] = 0
      reply.position = end
    }
    reply.lowerLimit(maxSize)
    if (reply.position > reply.limit) this.#fit(reply, from)
  }

  /** Drops what does not fit, from the end. */
  #fit(reply: Reply, from: number): void {
    const records = this.#records
    const { counts } = reply
    records.reset(reply.bytes, from, reply.position, counts[0], counts[1], counts[2])
    counts.fill(0)
    reply.position = from
    reply.truncated = true
    while (records.next() && records.end <= reply.limit) {
      counts[records.section]++
      reply.position = records.end
    }
  }
}

/** Notifications and zone transfers. */
const isMeta = ({ opcode, qtype }: Query): boolean =>
  opcode === Opcode.NOTIFY || qtype === Type.AXFR || qtype === Type.IXFR
