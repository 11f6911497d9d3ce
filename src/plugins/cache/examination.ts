// What kind of reply it is, as CoreDNS tells them apart (plugin/pkg/response/typify.go): that decides whether and how long it is kept.

import { Rcode, Type } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import type { Query } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import { AnswerChain } from './chain.ts'

/** `Denial`: NXDOMAIN or NODATA; `Failure`: SERVFAIL or NOTIMP; `Other`: what is never kept. */
export const Kind = { Answer: 0, Delegation: 1, Denial: 2, Failure: 3, Other: 4 } as const
export type Kind = (typeof Kind)[keyof typeof Kind]

/** What a reply without records, and one of another kind, is kept for (CoreDNS dnsutil.MinimalDefaultTTL). */
const DEFAULT_TTL_SECONDS = 5
const MAX_TTL_SECONDS = 0xffff_ffff

export class Examination {
  kind: Kind = Kind.Other
  /** The lowest TTL of all records, in seconds. */
  ttlSeconds = 0
  /** Whether it has what the question asks for. */
  isAnswering = false
  /** Whether it may be given to others: denials need a SOA, which tells for how long (RFC 2308 section 5). */
  isStorable = false
  /** What was written cannot be read as records. */
  isMalformed = false
  readonly #cursor = new RecordCursor()
  readonly #chain = new AnswerChain()

  /** `recordsAt`: where the records of the reply begin. `nowMs` since 1970: signatures have an end. */
  examine(query: Query, reply: Reply, rcode: Rcode, recordsAt: number, nowMs: number): void {
    const cursor = this.#cursor
    const { bytes, position, counts } = reply
    let hasSoa = false
    let hasNs = false
    let isExpired = false
    let ttlSeconds = MAX_TTL_SECONDS
    cursor.reset(bytes, recordsAt, position, counts[0], counts[1], counts[2])
    while (cursor.next()) {
      ttlSeconds = Math.min(ttlSeconds, cursor.ttlSeconds)
      if (cursor.section === 1) {
        hasSoa ||= cursor.type === Type.SOA
        hasNs ||= cursor.type === Type.NS
      }
      if (query.dnssecOk && cursor.type === Type.RRSIG) isExpired ||= !isValid(bytes, cursor, Math.floor(nowMs / 1000))
    }
    this.isMalformed = cursor.isBroken || cursor.end !== position
    this.isAnswering = rcode === Rcode.NOERROR && counts[0] > 0 && this.#chain.answers(query, reply, recordsAt)
    this.kind = isExpired ? Kind.Other : this.#classify(rcode, counts[0] > 0, hasSoa, hasNs)
    const isSparse = this.kind === Kind.Answer && counts[0] > 0 && !this.isAnswering
    this.isStorable = this.kind !== Kind.Other && !isSparse && (this.kind !== Kind.Denial || hasSoa)
    const isCounted = this.kind === Kind.Answer || this.kind === Kind.Denial
    this.ttlSeconds = isCounted && position > recordsAt ? ttlSeconds : DEFAULT_TTL_SECONDS
  }

  #classify(rcode: Rcode, hasAnswers: boolean, hasSoa: boolean, hasNs: boolean): Kind {
    switch (rcode) {
      case Rcode.NOERROR:
        // A CNAME to a name that has nothing of the type is a denial, where a SOA says so (RFC 2308 section 2.2).
        if (hasAnswers) return hasSoa && !this.isAnswering ? Kind.Denial : Kind.Answer
        if (hasSoa) return Kind.Denial
        return hasNs ? Kind.Delegation : Kind.Answer
      case Rcode.NXDOMAIN:
        return hasAnswers ? Kind.Other : Kind.Denial
      case Rcode.SERVFAIL:
      case Rcode.NOTIMP:
        return Kind.Failure
      default:
        return Kind.Other
    }
  }
}

/** Whether an RRSIG's time has come and not gone; the times are serial numbers (RFC 4034 section 3.1.5). */
function isValid(bytes: Buffer, { rdataAt, end }: RecordCursor, nowSeconds: number): boolean {
  if (end - rdataAt < 16) return false
  const expiration = bytes.readUInt32BE(rdataAt + 8)
  const inception = bytes.readUInt32BE(rdataAt + 12)
  return ((expiration - nowSeconds) | 0) >= 0 && ((nowSeconds - inception) | 0) >= 0
}
