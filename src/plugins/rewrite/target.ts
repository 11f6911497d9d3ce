// `cname`: the first CNAME of an answer whose target a rule rewrites gets that target, and what the server itself says of it replaces the rest.

import type { Handler } from '../../server/handler.ts'
import { Subquery } from '../../server/subquery.ts'
import { expandName } from '../../wire/compression.ts'
import { Rcode, Type } from '../../wire/constants.ts'
import { RecordCursor } from '../../wire/cursor.ts'
import { type WireName, formatName, lowerName, parseName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section } from '../../wire/reply.ts'
import { type NameChange, Transcript, UNCHANGED } from '../../wire/transcript.ts'
import type { NameRewriter } from './pattern.ts'

interface Found {
  /** Which record of the answer it is. */
  readonly index: number
  readonly target: WireName
}

/** Changes `reply`, whose rcode is `rcode`, and returns the rcode that it has then. */
export function retarget(
  rewriters: readonly NameRewriter[],
  query: Query,
  reply: Reply,
  rcode: Rcode,
  resolver: Handler,
): Rcode | Promise<Rcode> {
  const found = findTarget(rewriters, query, reply)
  if (!found) return rcode
  const lookup = new Subquery(query, { name: found.target, qtype: query.qtype, qclass: query.qclass })
  const outcome = lookup.ask(resolver)
  if (typeof outcome === 'number') return replaceAnswer(query, reply, found, lookup, outcome)
  return outcome.then(settled => replaceAnswer(query, reply, found, lookup, settled))
}

function findTarget(rewriters: readonly NameRewriter[], query: Query, reply: Reply): Found | undefined {
  const cursor = openRecords(query, reply)
  for (let index = 0; cursor.next() && cursor.section === Section.Answer; index++) {
    if (cursor.type !== Type.CNAME) continue
    const name = expandName(reply.bytes, reply.start, cursor.rdataAt, cursor.end)
    if (!name) continue
    const text = formatName(lowerName(name))
    for (const rewriter of rewriters.toReversed()) {
      const to = rewriter.rewrite(text)
      const target = to === undefined || to === '' || to === text ? undefined : parseName(to)
      if (target) return { index, target }
    }
  }
  return undefined
}

/** The CNAMEs up to that one stay; all else comes from the lookup, its rcode too (RFC 6604 section 3). */
function replaceAnswer(query: Query, reply: Reply, { index, target }: Found, lookup: Subquery, rcode: Rcode): Rcode {
  const before = Buffer.from(reply.bytes.subarray(reply.start, reply.position))
  const cursor = new RecordCursor()
  cursor.reset(before, query.questionEnd - query.start, before.length, reply.counts[Section.Answer], 0, 0)
  reply.position = reply.start + query.questionEnd - query.start
  reply.counts.fill(0)
  reply.truncated = lookup.reply.truncated
  reply.isLive ||= lookup.reply.isLive
  reply.failure = lookup.reply.failure
  const transcript = new Transcript(query, reply)
  const changed: NameChange = { owner: name => name, value: () => target }
  for (let i = 0; i <= index && cursor.next(); i++) {
    if (cursor.type !== Type.CNAME) continue
    if (!transcript.add(before, 0, cursor, Section.Answer, i === index ? changed : UNCHANGED))
      return end(transcript, rcode)
  }
  const records = openRecords(lookup.query, lookup.reply)
  while (records.next()) {
    const { bytes, start } = lookup.reply
    if (!transcript.add(bytes, start, records, records.section as Section, UNCHANGED)) break
  }
  return end(transcript, rcode)
}

const end = (transcript: Transcript, rcode: Rcode): Rcode => (transcript.isBroken ? Rcode.SERVFAIL : rcode)

/** The records of a reply that is not finished. */
export function openRecords(query: Query, reply: Reply, cursor: RecordCursor = new RecordCursor()): RecordCursor {
  const { bytes, start, position, counts } = reply
  const from = start + query.questionEnd - query.start
  cursor.reset(bytes, from, position, counts[0], counts[1], counts[2])
  return cursor
}
