// Record sets as lines of a zone file, by way of a message that another decoder reads.

import type { OwnerRecords } from '../../src/records/item.ts'
import type { AdditionalRecord } from '../../src/wire/rrset.ts'
import { buildQuery, decode } from '../server/message.ts'
import { describe } from '../site/zonefile.ts'

/** The lines of each set, sorted; what goes into the additional section stands behind `;`. */
export function zoneLines(names: readonly OwnerRecords[]): string[] {
  return names.flatMap(({ owner, rrsets }) =>
    rrsets.flatMap(({ type, ttlSeconds, rdata, additional = [] }) => [
      ...describeRecords(rdata.map(data => ({ owner, type, ttlSeconds, rdata: data }))),
      ...describeRecords(additional).map(line => `; ${line}`),
    ]),
  )
}

function describeRecords(records: readonly AdditionalRecord[]): string[] {
  const encoded = records.map(({ owner, type, ttlSeconds, rdata }) => {
    const head = Buffer.alloc(10)
    head.writeUInt16BE(type, 0)
    head.writeUInt16BE(1, 2)
    head.writeUInt32BE(ttlSeconds, 4)
    head.writeUInt16BE(rdata.length, 8)
    return Buffer.concat([owner, head, rdata])
  })
  const bytes = Buffer.concat([buildQuery({ name: '.', ancount: records.length, flags: 0x8000 }), ...encoded])
  return describe(decode(bytes), bytes).answer
}
