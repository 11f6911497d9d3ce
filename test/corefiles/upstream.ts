// What the servers say that a Corefile forwards to: it tells which one of them it is.

import { wire } from '../server/message.ts'
import { TYPES } from '../site/zonefile.ts'
import { type Script, buildAnswer, record } from '../upstream/server.ts'

const TTL_SECONDS = 600
const SOA = record(
  '.',
  TYPES['SOA'],
  Buffer.concat([wire('ns.upstream.'), wire('admin.upstream.'), Buffer.alloc(20, 1)]),
)
const NXDOMAIN = 3

/** A is `203.0.113.NUMBER`, PTR `host.upstreamNUMBER.`; names with a label `missing` do not exist; other types are NODATA. */
export const numbered =
  (number: number): Script =>
  ({ bytes, message: { questions } }) => {
    const [{ name, type }] = questions
    if (name.split('.').includes('missing')) return buildAnswer(bytes, { rcode: NXDOMAIN, authorities: [SOA] })
    const rdata =
      type === TYPES['A']
        ? Buffer.of(203, 0, 113, number)
        : type === TYPES['PTR']
          ? wire(`host.upstream${number}.`)
          : undefined
    return buildAnswer(bytes, rdata ? { answers: [record(12, type, rdata, TTL_SECONDS)] } : { authorities: [SOA] })
  }
