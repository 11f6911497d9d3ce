// Aliases whose target is not in the plugin's zones: the whole server is asked for it, as CoreDNS does it (plugin/pkg/upstream).

import type { Handler } from './handler.ts'
import { Subquery } from './subquery.ts'
import { expandName } from '../wire/compression.ts'
import { Class, Rcode } from '../wire/constants.ts'
import { RecordCursor } from '../wire/cursor.ts'
import type { Query } from '../wire/query.ts'
import { type Reply, Section } from '../wire/reply.ts'
import { Transcript, UNCHANGED } from '../wire/transcript.ts'

/** Targets may lead to targets, and back. */
const MAX_DEPTH = 10
/** Questions whose memory, up to 64 KB, is kept for the next ones. */
const MAX_FREE = 16

export class Chaser {
  readonly #resolver: Handler
  readonly #free: Subquery[] = []
  readonly #cursor = new RecordCursor()

  constructor(resolver: Handler) {
    this.#resolver = resolver
  }

  /**
   * Appends what the server answers for the name at `targetAt`, an offset into the reply, which ends in the CNAME with that target. A server that
   * does not know leaves the CNAME alone. That the target does not exist is told (RFC 6604 section 3).
   */
  chase(query: Query, reply: Reply, targetAt: number): Rcode | Promise<Rcode> {
    const name = expandName(reply.bytes, reply.start, reply.start + targetAt, reply.position)
    if (!name || query.depth >= MAX_DEPTH) return Rcode.NOERROR
    const question = { name, qtype: query.qtype, qclass: Class.IN }
    const subquery = this.#free.pop()
    subquery?.begin(query, question)
    const asked = subquery ?? new Subquery(query, question)
    const rcode = asked.ask(this.#resolver)
    if (typeof rcode === 'number') return this.#append(query, reply, targetAt, asked, rcode)
    return rcode.then(settled => this.#append(query, reply, targetAt, asked, settled))
  }

  #append(query: Query, reply: Reply, targetAt: number, asked: Subquery, rcode: Rcode): Rcode {
    const isKnown = rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN
    if (isKnown) this.#copyAnswer(query, reply, targetAt, asked)
    if (this.#free.length < MAX_FREE) this.#free.push(asked)
    return isKnown ? rcode : Rcode.NOERROR
  }

  #copyAnswer(query: Query, reply: Reply, targetAt: number, { query: question, reply: answer }: Subquery): void {
    const { position } = reply
    const count = reply.counts[Section.Answer]
    const cursor = this.#cursor
    const from = answer.start + question.questionEnd - question.start
    cursor.reset(answer.bytes, from, answer.position, answer.counts[Section.Answer], 0, 0)
    const transcript = new Transcript(query, reply)
    transcript.know(targetAt)
    while (cursor.next() && transcript.add(answer.bytes, answer.start, cursor, Section.Answer, UNCHANGED));
    if (cursor.isBroken || transcript.isBroken) {
      reply.position = position
      reply.counts[Section.Answer] = count
    }
    if (answer.truncated) reply.truncated = true
  }
}
