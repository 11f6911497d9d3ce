// Parts of an answer that need more than a copy out of the image: the client's spelling in targets, and the in-zone targets of ExternalName
// Services.

import { HEADER_LENGTH, MAX_NAME_LENGTH, Type } from '../../wire/constants.ts'
import { lowerOctet } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { type Reply, Section, recordEnd, write16 } from '../../wire/reply.ts'
import { type ZoneImage, NO_BLOCK, NO_ENTRY } from '../../zones/image.ts'
import { dashedType } from './podaddress.ts'
import type { Sampler } from './sample.ts'
import type { Topology } from './topology.ts'

/** CoreDNS adds no CNAME that has more than ten before it (plugin/backend_lookup.go, maxCnameChainLength). */
const MAX_CHAIN = 11

/**
 * Gives the zone in the targets of the records `[from, position)` the client's spelling: resolvers that mix the case of questions (0x20)
 * compare. `skip` octets of rdata stand in front of the target.
 */
export function respellTargets(query: Query, reply: Reply, zoneAt: number, from: number, skip: number): void {
  const spelling = query.start + HEADER_LENGTH
  const zoneLength = query.nameLength - zoneAt
  let i = zoneAt
  while (i < query.nameLength && query.bytes[spelling + i] === query.name[i]) i++
  if (i === query.nameLength) return
  const { bytes } = reply
  for (let at = from; at < reply.position; ) {
    const end = recordEnd(bytes, at, reply.position)
    if (end < 0) return
    // The owner is a pointer: rdata begins 12 octets behind it. Targets outside the zone stay as they are.
    const targetZone = end - zoneLength
    if (targetZone >= at + 12 + skip && isZone(bytes, targetZone, query, zoneAt)) {
      for (let j = 0; j < zoneLength; j++) bytes[targetZone + j] = query.bytes[spelling + zoneAt + j]
    }
    at = end
  }
}

function isZone(bytes: Uint8Array, at: number, query: Query, zoneAt: number): boolean {
  for (let i = zoneAt; i < query.nameLength; i++) if (bytes[at + i - zoneAt] !== query.name[i]) return false
  return true
}

const target = new Uint8Array(MAX_NAME_LENGTH)

/** What `followCname` returns beside the place of a target; no target lies where the header is. */
export const CNAME_DROPPED = -1
export const CNAME_COMPLETE = 0

/**
 * Writes the CNAME of an ExternalName Service and, where its target is in the same zone, what that holds of the type asked for. Where the
 * target is outside of the zone, returns its offset in the reply. Returns CNAME_DROPPED, and leaves nothing behind, where CoreDNS drops the
 * CNAME too: the target is not there, holds nothing of the type, or leads back (issue coredns#6088 would have it otherwise; clients get the
 * same from both).
 */
export function followCname(
  image: ZoneImage,
  sampler: Sampler,
  topology: Topology | undefined,
  query: Query,
  reply: Reply,
  zoneAt: number,
  firstBlock: number,
  firstEntry: number,
): number {
  const start = reply.position
  let owner = 0xc000 | HEADER_LENGTH
  let block = firstBlock
  let entry = firstEntry
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    const from = reply.position
    reply.addRecords(Section.Answer, image.bytes, image.offset(block, entry), image.length(entry), image.count(entry))
    setOwners(reply, from, owner)
    if (reply.truncated) return CNAME_COMPLETE
    const length = image.length(entry) - 12
    const rdataAt = reply.position - length
    for (let i = 0; i < length; i++) target[i] = lowerOctet(reply.bytes[rdataAt + i])
    if (!isBelow(target, length, query, zoneAt)) return rdataAt - reply.start
    if (isBelow(target, length, query, 0)) break
    block = image.lookup(target, 0, length)
    if (block === NO_BLOCK) break
    owner = 0xc000 | (rdataAt - reply.start)
    entry = image.entry(block, query.qtype)
    if (entry !== NO_ENTRY) {
      const from = reply.position
      if (topology?.find(query, image, block, entry)) {
        sampler.add(topology.image, query, reply, topology.block, topology.entry)
      } else {
        sampler.add(image, query, reply, block, entry)
      }
      setOwners(reply, from, owner)
      return CNAME_COMPLETE
    }
    // What follows from its name is not here: the server is asked for it, as for a name outside the zone.
    if (image.isComputed(block) && dashedType(target, 0) === query.qtype) return rdataAt - reply.start
    entry = image.entry(block, Type.CNAME)
    if (entry === NO_ENTRY) break
  }
  reply.position = start
  reply.counts[Section.Answer] = 0
  return CNAME_DROPPED
}

/** Points the owners of the records behind `from` to `owner`. */
function setOwners(reply: Reply, from: number, owner: number): void {
  for (let at = from; at < reply.position; at = recordEnd(reply.bytes, at, reply.position)) {
    write16(reply.bytes, at, owner)
  }
}

/** Whether `name` is, or is below, the part of the question's name that begins at `from`. */
function isBelow(name: Uint8Array, length: number, query: Query, from: number): boolean {
  const skip = length - (query.nameLength - from)
  if (skip < 0) return false
  let at = 0
  while (at < skip) at += name[at] + 1
  if (at !== skip) return false
  for (let i = 0; from + i < query.nameLength; i++) if (name[skip + i] !== query.name[from + i]) return false
  return true
}
