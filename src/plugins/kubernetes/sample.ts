// `max_answers`: of a name with many endpoints, an answer over UDP has as many as a client needs, drawn anew for each. Over TCP all are there.

import { Type } from '../../wire/constants.ts'
import { type Query, Transport } from '../../wire/query.ts'
import { type Reply, Section, recordEnd } from '../../wire/reply.ts'
import { type ZoneImage, NO_ENTRY } from '../../zones/image.ts'

/** The `max_answers` of a directive without one. */
export const NO_MAXIMUM = 0

export class Sampler {
  readonly #maxAnswers: number
  #random: number

  /** `seed` is any integer. */
  constructor(maxAnswers: number, seed: number) {
    this.#maxAnswers = maxAnswers
    this.#random = seed | 0 || 1
  }

  /** Adds a set to the answer, or a part of it. Returns whether the whole set was meant to be there. */
  add(image: ZoneImage, query: Query, reply: Reply, block: number, entry: number): boolean {
    const count = image.count(entry)
    if (this.#isTooMany(image, query, block, count)) {
      this.#addSome(image, reply, block, entry, count)
      return false
    }
    reply.addRecords(Section.Answer, image.bytes, image.offset(block, entry), image.length(entry), count)
    return true
  }

  /** A Service with one address may have any number of ports: all of them are told. */
  #isTooMany(image: ZoneImage, query: Query, block: number, count: number): boolean {
    if (this.#maxAnswers === NO_MAXIMUM || count <= this.#maxAnswers || query.transport !== Transport.UDP) return false
    const { qtype } = query
    if (qtype === Type.A || qtype === Type.AAAA) return true
    return qtype === Type.SRV && countOf(image, block, Type.A) + countOf(image, block, Type.AAAA) > 1
  }

  /**
   * The records lie in a ring, which is cut into as many arcs as are wanted, beginning anywhere; of each arc one record is drawn. None is
   * drawn twice, and each is as likely as any other.
   */
  #addSome(image: ZoneImage, reply: Reply, block: number, entry: number, count: number): void {
    const { bytes } = image
    const from = image.offset(block, entry)
    const end = from + image.length(entry)
    const size = recordEnd(bytes, from, end) - from
    // Addresses are all of one size; the targets of SRV records are not, and have to be walked through.
    const isEven = size * count === end - from
    const start = this.#draw(count)
    let index = 0
    let at = from
    for (let i = 0; i < this.#maxAnswers; i++) {
      const low = ((i * count) / this.#maxAnswers) | 0
      const high = (((i + 1) * count) / this.#maxAnswers) | 0
      const wanted = (start + low + this.#draw(high - low)) % count
      if (isEven) {
        at = from + wanted * size
      } else {
        if (wanted < index) {
          index = 0
          at = from
        }
        for (; index < wanted; index++) at = recordEnd(bytes, at, end)
      }
      if (reply.addRecords(Section.Answer, bytes, at, recordEnd(bytes, at, end) - at, 1) === 0) return
    }
  }

  /** A number from 0 to `count - 1`, by Marsaglia's xorshift: nobody gains from guessing it. */
  #draw(count: number): number {
    let x = this.#random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.#random = x
    return (x >>> 1) % count
  }
}

function countOf(image: ZoneImage, block: number, type: number): number {
  const entry = image.entry(block, type)
  return entry === NO_ENTRY ? 0 : image.count(entry)
}
