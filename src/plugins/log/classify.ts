// What kind of answer a reply is, as CoreDNS tells them apart (its plugin/pkg/response): the classes that `log` selects by.

import { Opcode, Rcode, Type } from '../../wire/constants.ts'
import { type Query, read16, skipName } from '../../wire/query.ts'
import { type Reply, Section, recordEnd } from '../../wire/reply.ts'

/** Bits, so that a set of them is a number. */
export const Class = { Success: 1, Denial: 2, Error: 4 } as const
export type Class = (typeof Class)[keyof typeof Class]
export const ALL_CLASSES = Class.Success | Class.Denial | Class.Error

export type ReplyType = 'NOERROR' | 'NXDOMAIN' | 'SERVERERROR' | 'NODATA' | 'DELEGATION' | 'META' | 'OTHERERROR'

export function classify(type: ReplyType): Class {
  if (type === 'NOERROR' || type === 'DELEGATION') return Class.Success
  return type === 'NXDOMAIN' || type === 'NODATA' ? Class.Denial : Class.Error
}

/** Notifications and zone transfers are META, and META is of class error: so it is in CoreDNS. */
export function typify(query: Query, reply: Reply, rcode: Rcode): ReplyType {
  const { qtype } = query
  if (query.opcode === Opcode.NOTIFY || qtype === Type.AXFR || qtype === Type.IXFR) return 'META'
  const hasAnswer = reply.counts[Section.Answer] > 0
  switch (rcode) {
    case Rcode.NOERROR:
      if (hasAnswer) return 'NOERROR'
      if (hasAuthority(query, reply, Type.SOA)) return 'NODATA'
      return hasAuthority(query, reply, Type.NS) ? 'DELEGATION' : 'NOERROR'
    case Rcode.NXDOMAIN:
      return hasAnswer ? 'OTHERERROR' : 'NXDOMAIN'
    case Rcode.SERVFAIL:
    case Rcode.NOTIMP:
      return 'SERVERERROR'
    default:
      return 'OTHERERROR'
  }
}

/** Whether the authority section of a reply without an answer has a record of `type`. */
function hasAuthority(query: Query, reply: Reply, type: number): boolean {
  const { bytes, position } = reply
  let at = reply.start + query.questionEnd - query.start
  for (let left = reply.counts[Section.Authority]; left > 0 && at >= 0; left--) {
    const head = skipName(bytes, at, position)
    if (head >= 0 && head + 10 <= position && read16(bytes, head) === type) return true
    at = recordEnd(bytes, at, position)
  }
  return false
}
