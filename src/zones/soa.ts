// The SOA record of a zone (RFC 1035 section 3.3.13), written when asked: its serial moves with the image, its names point into the question.

import { HEADER_LENGTH, Type } from '../wire/constants.ts'
import type { Reply, Section } from '../wire/reply.ts'

// `ns.dns` and `hostmaster` in front of the zone: what CoreDNS names in every SOA that it makes up.
const MNAME_LABELS = Buffer.from('\x02ns\x03dns', 'latin1')
const RNAME_LABELS = Buffer.from('\x0ahostmaster', 'latin1')
const REFRESH_SECONDS = 7200
const RETRY_SECONDS = 1800
const EXPIRE_SECONDS = 86_400
const RDATA_LENGTH = MNAME_LABELS.length + 2 + RNAME_LABELS.length + 2 + 20
/** CoreDNS gives no SOA a longer TTL than this (plugin/backend_lookup.go). */
const MAX_TTL_SECONDS = 300

/** Writes the SOA of the zone that begins `zoneAt` octets into the question's name, if it fits. `ttlSeconds` is its minimum, too. */
export function addSoa(reply: Reply, section: Section, zoneAt: number, ttlSeconds: number, serial: number): void {
  if (!reply.fits(12 + RDATA_LENGTH)) return
  const zone = 0xc000 | (HEADER_LENGTH + zoneAt)
  reply.writeRecordHead(zone, Type.SOA, Math.min(ttlSeconds, MAX_TTL_SECONDS), RDATA_LENGTH)
  reply.copy(MNAME_LABELS, 0, MNAME_LABELS.length)
  reply.write16(zone)
  reply.copy(RNAME_LABELS, 0, RNAME_LABELS.length)
  reply.write16(zone)
  reply.write32(serial)
  reply.write32(REFRESH_SECONDS)
  reply.write32(RETRY_SECONDS)
  reply.write32(EXPIRE_SECONDS)
  reply.write32(ttlSeconds)
  reply.counts[section]++
}
