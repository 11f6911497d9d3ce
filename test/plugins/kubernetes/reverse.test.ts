import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { HTTP, clusterIP, headless, namespace, slice } from './objects.ts'

const objects = [
  namespace('ns'),
  namespace('other'),
  clusterIP('web', ['10.96.0.10', 'fd00:10:96::a']),
  slice('web', ['10.0.0.5']),
  clusterIP('b', ['10.96.0.11']),
  clusterIP('a', ['10.96.0.11']),
  clusterIP('far', ['192.0.2.1']),
  clusterIP('foreign', ['10.96.0.20'], [HTTP], { namespace: 'other' }),
  headless('db'),
  slice('db', [
    { addresses: ['10.0.0.1'], hostname: 'db-0' },
    '10.0.0.2',
    { addresses: ['10.0.0.3'], conditions: { ready: false } },
  ]),
  slice('db', [{ addresses: ['10.0.0.1'], hostname: 'again' }], { name: 'db-2' }),
  headless('six'),
  slice('six', ['fd00::1', 'fd00:0:0:0::2']),
]

const R4 = '10.in-addr.arpa.'
const R6 = '0.0.d.f.ip6.arpa.'
const S = 'ns.svc.cluster.local.'
const v6 = (tail: string): string => `${tail.padStart(28, '0').split('').toReversed().join('.')}.${R6}`

const found: Row[] = [
  ['10.0.96.10.in-addr.arpa. PTR', `10.0.96.10.in-addr.arpa. 5 IN PTR web.${S}`],
  ['11.0.96.10.in-addr.arpa. PTR', `11.0.96.10.in-addr.arpa. 5 IN PTR a.${S}`],
  ['5.0.0.10.in-addr.arpa. PTR', `5.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-5.web.${S}`],
  [
    '1.0.0.10.in-addr.arpa. PTR',
    `1.0.0.10.in-addr.arpa. 5 IN PTR again.db.${S}`,
    `1.0.0.10.in-addr.arpa. 5 IN PTR db-0.db.${S}`,
  ],
  ['2.0.0.10.in-addr.arpa. PTR', `2.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-2.db.${S}`],
  [`${v6('1')} PTR`, `${v6('1')} 5 IN PTR fd00--1.six.${S}`],
  // However the API spells an address, its octets count.
  [`${v6('2')} PTR`, `${v6('2')} 5 IN PTR fd00-0-0-0--2.six.${S}`],
  [`${v6('001000960000000000000000000a')} PTR`, `${v6('001000960000000000000000000a')} 5 IN PTR web.${S}`],
]

const soa4 = `${R4} 5/5`
const soa6 = `${R6} 5/5`

/** Names above an address that has records exist, too (RFC 8020). */
const empty: Row[] = [
  ['0.96.10.in-addr.arpa. PTR', `NODATA ${soa4}`],
  ['96.10.in-addr.arpa. PTR', `NODATA ${soa4}`],
  ['96.10.in-addr.arpa. A', `NODATA ${soa4}`],
  [`${R4} PTR`, `NODATA ${soa4}`],
  [`${R4} A`, `NODATA ${soa4}`],
  ['10.0.96.10.in-addr.arpa. A', `NODATA ${soa4}`],
  ['10.0.96.10.in-addr.arpa. TXT', `NODATA ${soa4}`],
  ['10.0.96.10.in-addr.arpa. SRV', `NODATA ${soa4}`],
  ['10.0.96.10.in-addr.arpa. SOA', `NODATA ${soa4}`],
  ['10.0.96.10.in-addr.arpa. ANY', `NODATA ${soa4}`],
  [`${v6('1')} AAAA`, `NODATA ${soa6}`],
  [`${v6('1').slice(2)} PTR`, `NODATA ${soa6}`],
  [`web.${S} PTR`, 'NODATA'],
]

const unknown = [
  '3.0.0.10.in-addr.arpa.',
  '99.0.96.10.in-addr.arpa.',
  '1.2.10.in-addr.arpa.',
  '1.1.0.0.10.in-addr.arpa.',
  '256.0.0.10.in-addr.arpa.',
  'x.10.in-addr.arpa.',
]

const zones = `cluster.local ${R4} ${R6}`

void t.test('an address points to its Service, else to its endpoints; names above it are empty', async t => {
  const cluster = await Cluster.open(t, { objects, zones })
  await cluster.hold(t, [
    ...found,
    ...empty,
    ...unknown.flatMap((name): Row[] => ['PTR', 'A', 'TXT'].map(type => [`${name} ${type}`, `NXDOMAIN ${soa4}`])),
    [`${v6('3')} PTR`, `NXDOMAIN ${soa6}`],
    [`none.${S} PTR`, 'NXDOMAIN'],
    // Not below a zone of the plugin.
    ['1.2.0.192.in-addr.arpa. PTR', 'SERVFAIL without SOA ', 'not authoritative'],
  ])
})

void t.test('with fallthrough, what is not known goes to the next plugin, and nothing else does', async t => {
  const cluster = await Cluster.open(t, { objects, zones, options: 'fallthrough', behind: 'whoami' })
  await cluster.hold(t, [
    ...found,
    ...empty,
    ...unknown.map((name): Row => [`${name} PTR`, 'next']),
    [`${v6('3')} PTR`, 'next'],
    [`none.${S} A`, 'next'],
    ['foo.cluster.local. TXT', 'next'],
    ['example.org. A', 'next'],
    [`web.${S} MX`, 'NODATA'],
    [`web.${S} AXFR`, 'REFUSED'],
  ])
})

void t.test('fallthrough may be for some zones only', async t => {
  const options = `fallthrough ${R4} other.svc.cluster.local`
  const cluster = await Cluster.open(t, { objects, zones, options, behind: 'whoami' })
  await cluster.hold(t, [
    ...found,
    ...unknown.map((name): Row => [`${name} PTR`, 'next']),
    [`${v6('3')} PTR`, `NXDOMAIN ${soa6}`],
    [`none.${S} A`, 'NXDOMAIN'],
    ['none.other.svc.cluster.local. A', 'next'],
    ['foreign.other.svc.cluster.local. MX', 'NODATA'],
  ])
})

void t.test('without fallthrough the next plugin is asked for other zones only', async t => {
  const cluster = await Cluster.open(t, { objects, zones, behind: 'whoami' })
  await cluster.hold(t, [
    ['example.org. A', 'next'],
    ['1.2.0.192.in-addr.arpa. PTR', 'next'],
    ['foo.cluster.local. A', 'NXDOMAIN'],
  ])
})

void t.test('zones may be networks', async t => {
  const cluster = await Cluster.open(t, { objects, zones: 'cluster.local 10.96.0.0/15 fd00::/16 192.0.2.0/24' })
  await cluster.hold(t, [
    ['10.0.96.10.in-addr.arpa. PTR', `10.0.96.10.in-addr.arpa. 5 IN PTR web.${S}`],
    ['1.2.0.192.in-addr.arpa. PTR', `1.2.0.192.in-addr.arpa. 5 IN PTR far.${S}`],
    [`${v6('1')} PTR`, `${v6('1')} 5 IN PTR fd00--1.six.${S}`],
    ['99.0.97.10.in-addr.arpa. PTR', 'NXDOMAIN 97.10.in-addr.arpa. 5/5'],
    ['1.0.0.10.in-addr.arpa. PTR', 'SERVFAIL without SOA ', 'not authoritative'],
  ])
})

void t.test('namespaces hides addresses; namespace_labels does not', async t => {
  const name = 'foreign.other.svc.cluster.local.'
  const listed = await Cluster.open(t, { objects, zones, options: 'namespaces ns' })
  await listed.hold(t, [...found, [`${name} A`, 'NXDOMAIN'], ['20.0.96.10.in-addr.arpa. PTR', `NXDOMAIN ${soa4}`]])
  const labelled = await Cluster.open(t, {
    objects: [...objects, namespace('ns', { dns: 'yes' })],
    zones,
    options: 'namespace_labels dns=yes',
  })
  await labelled.hold(t, [
    ...found,
    [`${name} A`, 'NXDOMAIN'],
    ['20.0.96.10.in-addr.arpa. PTR', `20.0.96.10.in-addr.arpa. 5 IN PTR ${name}`],
  ])
})

void t.test('ptr says which endpoints are pointed to', async t => {
  const headlessOnly = await Cluster.open(t, { objects, zones, options: 'ptr headless' })
  const ofService = '5.0.0.10.in-addr.arpa. PTR'
  await headlessOnly.hold(t, [...found.filter(([question]) => question !== ofService), [ofService, `NXDOMAIN ${soa4}`]])
  // Whether it is headless may be heard after the slice, and may change.
  headlessOnly.remove('Service', 'web')
  headlessOnly.api.apply(headless('web'))
  await headlessOnly.become(t, [ofService, `5.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-5.web.${S}`])
  headlessOnly.remove('Service', 'web')
  await headlessOnly.become(t, [ofService, `NXDOMAIN ${soa4}`])
  const named = await Cluster.open(t, { objects, zones, options: 'ptr hostname' })
  await named.hold(t, [
    [
      '1.0.0.10.in-addr.arpa. PTR',
      `1.0.0.10.in-addr.arpa. 5 IN PTR again.db.${S}`,
      `1.0.0.10.in-addr.arpa. 5 IN PTR db-0.db.${S}`,
    ],
    ['10.0.96.10.in-addr.arpa. PTR', `10.0.96.10.in-addr.arpa. 5 IN PTR web.${S}`],
    [ofService, `NXDOMAIN ${soa4}`],
    ['2.0.0.10.in-addr.arpa. PTR', `NXDOMAIN ${soa4}`],
  ])
})
