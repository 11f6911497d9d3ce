// Tells the client how the server sees it: address, port and transport.

import type { Handler } from '../../server/handler.ts'
import { QUESTION_POINTER, Rcode, Type } from '../../wire/constants.ts'
import { type Query, Transport } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'

const UDP_LABEL = Buffer.from('\u0004_udp', 'latin1')
const TCP_LABEL = Buffer.from('\u0004_tcp', 'latin1')
/** Priority, weight, port, and the root as target (RFC 2782). */
const SRV_LENGTH = 7
/** Label and pointer, then type, class, TTL and RDLENGTH. */
const SRV_HEAD_LENGTH = UDP_LABEL.length + 2 + 10

export class Whoami implements Handler {
  readonly #author: number

  constructor(author: number) {
    this.#author = author
  }

  serve(query: Query, reply: Reply): Rcode {
    reply.author = this.#author
    reply.authoritative = true
    const { clientAddress } = query
    reply.addRecord(Section.Additional, clientAddress.length === 4 ? Type.A : Type.AAAA, 0, clientAddress)
    if (reply.fits(SRV_HEAD_LENGTH + SRV_LENGTH)) {
      const label = query.transport === Transport.UDP ? UDP_LABEL : TCP_LABEL
      reply.copy(label, 0, label.length)
      reply.writeRecordHead(QUESTION_POINTER, Type.SRV, 0, SRV_LENGTH)
      reply.write32(0)
      reply.write16(query.clientPort)
      reply.write8(0)
      reply.counts[Section.Additional]++
    }
    return Rcode.NOERROR
  }
}
