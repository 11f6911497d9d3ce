// The SOA record of a zone (RFC 1035 section 3.3.13), written when asked: its serial moves with the image, its names point into the question.

import { HEADER_LENGTH, Type } from '../wire/constants.ts'
import type { Reply, Section } from '../wire/reply.ts'

/** Labels that stand in front of the zone in the names of its SOA. */
export interface SoaNames {
  /** The primary name server. */
  readonly mname: Buffer
  /** The mailbox of who is responsible. */
  readonly rname: Buffer
}

/** `ns.dns` and `hostmaster`: what CoreDNS names in almost every SOA that it makes up. */
const USUAL_NAMES: SoaNames = {
  mname: Buffer.from('\x02ns\x03dns', 'latin1'),
  rname: Buffer.from('\x0ahostmaster', 'latin1'),
}
const REFRESH_SECONDS = 7200
const RETRY_SECONDS = 1800
const EXPIRE_SECONDS = 86_400
/** Two pointers and five numbers. */
const FIXED_LENGTH = 2 + 2 + 20
/** Of the whole record, whose names have two labels or one in front of the zone. */
export const MAX_SOA_LENGTH = 256
/** CoreDNS gives no SOA a longer TTL than this (plugin/backend_lookup.go). */
const MAX_TTL_SECONDS = 300

/** Writes the SOA of the zone that begins `zoneAt` octets into the question's name, if it fits. `ttlSeconds` is its minimum, too. */
export function addSoa(
  reply: Reply,
  section: Section,
  zoneAt: number,
  ttlSeconds: number,
  serial: number,
  { mname, rname } = USUAL_NAMES,
): void {
  const rdataLength = mname.length + rname.length + FIXED_LENGTH
  if (!reply.fits(12 + rdataLength)) return
  const zone = 0xc000 | (HEADER_LENGTH + zoneAt)
  reply.writeRecordHead(zone, Type.SOA, Math.min(ttlSeconds, MAX_TTL_SECONDS), rdataLength)
  reply.copy(mname, 0, mname.length)
  reply.write16(zone)
  reply.copy(rname, 0, rname.length)
  reply.write16(zone)
  reply.write32(serial)
  reply.write32(REFRESH_SECONDS)
  reply.write32(RETRY_SECONDS)
  reply.write32(EXPIRE_SECONDS)
  reply.write32(ttlSeconds)
  reply.counts[section]++
}
