import fc from 'fast-check'
import t from 'tap'
import type { OwnerRecords } from '../../src/records/item.ts'
import { movedRecords } from '../../src/records/moved.ts'
import type { RecordOptions } from '../../src/records/options.ts'
import { serviceRecords } from '../../src/records/service.ts'
import { type SlimEndpointSlice, type SlimService, slimEndpointSlice } from '../../src/watch/slim.ts'
import { formatName } from '../../src/wire/name.ts'
import { clusterIP, type Endpoint, headless, http, OPTIONS, ORIGIN, service } from './objects.ts'
import { zoneLines } from './lines.ts'

const dns = { name: 'dns', port: 53, protocol: 'UDP' }
const unnamed = { port: 8080 }
const services: Record<string, SlimService> = {
  'a cluster IP': clusterIP(['10.96.0.10']),
  'a headless Service': headless(),
  'a Service that waits for its address': clusterIP([]),
  'a Service whose address is none': clusterIP(['nowhere']),
  'an external name': service({ type: 'ExternalName', externalName: 'example.com', clusterIPs: ['10.96.0.10'] }),
}

const sliceNamed = (name: string, endpoints: readonly Endpoint[], ports: readonly object[]): SlimEndpointSlice =>
  slimEndpointSlice({
    metadata: { name, namespace: 'ns', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    endpoints,
    ports,
  })!

/** Few of each, so that two endpoints have often an address or a host name in common. */
const endpoint = fc.record(
  {
    addresses: fc.subarray(['10.0.0.1', '10.0.0.2', '10.0.0.3', 'fd00::1', 'fd00::', 'no address'], {
      minLength: 1,
      maxLength: 2,
    }),
    hostname: fc.constantFrom('db-0', 'DB-0', '10-0-0-1', '_http', 'no.label'),
    targetRef: fc.constant({ kind: 'Pod', name: 'web-abc' }),
    conditions: fc.record({ ready: fc.boolean() }),
  },
  { requiredKeys: ['addresses'] },
)
const ports = fc.constantFrom([http], [http, dns], [unnamed], [])
const slices = fc.uniqueArray(
  fc.tuple(fc.constantFrom('web-1', 'web-2', 'web-3'), fc.array(endpoint, { maxLength: 4 }), ports),
  { selector: ([name]) => name, maxLength: 3 },
)
/** Most have the same slices with the same ports. */
const change = slices.chain(before =>
  fc.tuple(
    fc.constant(before),
    fc.oneof(
      { weight: 1, arbitrary: slices },
      {
        weight: 4,
        arbitrary: fc
          .tuple(
            ...before.map(([name, endpoints, ports]) =>
              fc
                .oneof(fc.constant(endpoints), fc.array(endpoint, { maxLength: 4 }))
                .map(others => [name, others, ports] as const),
            ),
          )
          .chain(all => fc.shuffledSubarray([...all], { minLength: all.length })),
      },
    ),
  ),
)

const table = (records: readonly OwnerRecords[]): Map<string, string[]> =>
  new Map(records.map(each => [formatName(each.owner), zoneLines([each])]))

for (const [what, service] of Object.entries(services)) {
  for (const options of [
    {},
    { endpointPodNames: true },
    { ignoreEmptyService: true },
    { zonal: true },
    { noEndpoints: true },
  ]) {
    void t.test(
      `of ${what}, what has moved makes of the names before those behind: ${JSON.stringify(options)}`,
      async t => {
        const recordOptions: RecordOptions = { ...OPTIONS, ...options }
        let moves = 0
        fc.assert(
          fc.property(change, ([had, has]) => {
            const before = had.map(each => sliceNamed(...each))
            // Those that are as they were are the same.
            const after = has.map(([name, endpoints, ports]) => {
              const same = had.findIndex(each => each[0] === name && each[1] === endpoints && each[2] === ports)
              return same < 0 ? sliceNamed(name, endpoints, ports) : before[same]
            })
            const moved = movedRecords(service, before, after, ORIGIN, recordOptions)
            if (!moved) return
            moves++
            const names = table(serviceRecords(service, before, ORIGIN, recordOptions))
            for (const owner of moved.gone) names.delete(formatName(owner))
            for (const [name, lines] of table(moved.there)) names.set(name, lines)
            const expected = table(serviceRecords(service, after, ORIGIN, recordOptions))
            t.same(Object.fromEntries(names), Object.fromEntries(expected))
          }),
          { numRuns: 200 },
        )
        const isLookedAtWhole =
          /external|waits|none/.test(what) || Object.keys(options).some(key => key !== 'endpointPodNames')
        t.equal(moves > 0, !isLookedAtWhole)
      },
    )
  }
}
