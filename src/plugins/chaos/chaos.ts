// Tells about the server in class CH, as BIND first did (RFC 4892).

import type { Handler } from '../../server/handler.ts'
import { Class, QUESTION_POINTER, Rcode, Type } from '../../wire/constants.ts'
import { type WireName, parseName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section, write16 } from '../../wire/reply.ts'

/** The names that are answered, and what with. */
export interface ChaosTexts {
  readonly version: string
  readonly hostname: string
  readonly authors: readonly string[]
}

interface Entry {
  readonly name: WireName
  readonly records: readonly Buffer[]
}

const MAX_TEXT_LENGTH = 255

export class Chaos implements Handler {
  readonly #next: Handler
  readonly #author: number
  readonly #entries: readonly Entry[]

  constructor(next: Handler, author: number, { version, hostname, authors }: ChaosTexts) {
    this.#next = next
    this.#author = author
    const answers: [name: string, texts: readonly string[]][] = [
      ['version.bind.', [version]],
      ['version.server.', [version]],
      ['hostname.bind.', [hostname]],
      ['id.server.', [hostname]],
      ['authors.bind.', authors],
    ]
    this.#entries = answers.map(([name, texts]) => ({ name: parseName(name)!, records: texts.map(encodeRecord) }))
  }

  serve(query: Query, reply: Reply): Rcode | Promise<Rcode> {
    if (query.qclass !== Class.CH || query.qtype !== Type.TXT) return this.#next.serve(query, reply)
    const entry = this.#find(query)
    if (!entry) return this.#next.serve(query, reply)
    reply.author = this.#author
    const { records } = entry
    // The authors take turns at being the first, one each second.
    const first = Math.floor(Date.now() / 1000) % Math.max(1, records.length)
    for (let i = 0; i < records.length; i++) {
      const record = records[(first + i) % records.length]
      reply.addRecords(Section.Answer, record, 0, record.length, 1)
    }
    return Rcode.NOERROR
  }

  #find({ name, nameLength }: Query): Entry | undefined {
    return this.#entries.find(
      entry => entry.name.length === nameLength && entry.name.every((octet, i) => octet === name[i]),
    )
  }
}

/** A whole TXT record of class CH, with TTL 0; the text is cut to what one character-string holds. */
function encodeRecord(text: string): Buffer {
  const octets = Buffer.from(text, 'utf8').subarray(0, MAX_TEXT_LENGTH)
  const record = Buffer.alloc(13 + octets.length)
  write16(record, 0, QUESTION_POINTER)
  write16(record, 2, Type.TXT)
  write16(record, 4, Class.CH)
  write16(record, 10, octets.length + 1)
  record[12] = octets.length
  record.set(octets, 13)
  return record
}
