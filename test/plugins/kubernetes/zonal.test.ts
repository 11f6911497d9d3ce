// `zonal`: names of headless Services that choose endpoints by their topology zone.

import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { type Endpoint, HTTP, clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const Z = 'cluster.local.'
const DB = `db.ns.svc.${Z}`
const CORP = 'corp.example.com'

const objects = [
  namespace('ns'),
  headless('db'),
  slice('db', [
    { addresses: ['10.0.0.1'], zone: 'us-west-2a' },
    { addresses: ['10.0.0.2'], zone: 'us-west-2B', hostname: 'db-1' },
  ]),
  slice(
    'db',
    [
      { addresses: ['10.0.0.3'], zone: 'us-west-2b' },
      { addresses: ['10.0.0.4'], zone: CORP },
      '10.0.0.5',
      { addresses: ['10.0.0.6'], zone: 'us-west-2c', conditions: { ready: false } },
    ],
    { name: 'db-2' },
  ),
  slice('db', [{ addresses: ['fd00::1'], zone: 'six' }], { name: 'db-6' }),
  headless('empty'),
  clusterIP('web', ['10.96.0.10']),
  slice('web', [{ addresses: ['10.0.1.1'], zone: 'us-west-2a' }]),
  externalName('ext', 'www.example.org'),
]

const all4 = (name: string): string[] => [1, 2, 3, 4, 5].map(n => `${name} 5 IN A 10.0.0.${n}`)
const ALL = ['10-0-0-1', '10-0-0-3', '10-0-0-4', '10-0-0-5', 'db-1', 'fd00--1']
const OF: Record<string, string> = { 'db-1': 'A 10.0.0.2', 'fd00--1': 'AAAA fd00::1' }
const allSrv = (name: string): string[] => [
  ...ALL.map(host => `${name} 5 IN SRV 0 16 80 ${host}.${DB}`),
  ...ALL.map(host => `; ${host}.${DB} 5 IN ${OF[host] ?? `A ${host.replaceAll('-', '.')}`}`),
]

const OTHER_TYPES = ['TXT', 'CNAME', 'MX', 'ANY', 'HTTPS', 'NS', 'SOA', 'PTR']
const nothing = (name: string, types = ['A', 'AAAA', 'SRV', ...OTHER_TYPES]): Row[] =>
  types.map(type => [`${name} ${type}`, 'NODATA'])

const a = (directive: string): string => `us-west-2a.${directive}._zone.${DB}`
const b = (directive: string): string => `us-west-2b.${directive}._zone.${DB}`
const c = (directive: string): string => `us-west-2c.${directive}._zone.${DB}`
const corp = (directive: string): string => `${CORP}.${directive}._zone.${DB}`
const six = (directive: string): string => `six.${directive}._zone.${DB}`

const bothHave = (directive: string): Row[] => [
  [`${a(directive)} A`, `${a(directive)} 5 IN A 10.0.0.1`],
  [`${b(directive)} A`, `${b(directive)} 5 IN A 10.0.0.2`, `${b(directive)} 5 IN A 10.0.0.3`],
  [
    `${b(directive)} SRV`,
    `${b(directive)} 5 IN SRV 0 50 80 10-0-0-3.${DB}`,
    `${b(directive)} 5 IN SRV 0 50 80 db-1.${DB}`,
    `; 10-0-0-3.${DB} 5 IN A 10.0.0.3`,
    `; db-1.${DB} 5 IN A 10.0.0.2`,
  ],
  [`${corp(directive)} A`, `${corp(directive)} 5 IN A 10.0.0.4`],
  [`${six(directive)} AAAA`, `${six(directive)} 5 IN AAAA fd00::1`],
  // The zone has endpoints, if none of this family.
  ...nothing(six(directive), ['A', ...OTHER_TYPES]),
  ...nothing(a(directive), ['AAAA', ...OTHER_TYPES]),
]

const everything = (name: string): Row[] => [
  [`${name} A`, ...all4(name)],
  [`${name} AAAA`, `${name} 5 IN AAAA fd00::1`],
  [`${name} SRV`, ...allSrv(name)],
  ...nothing(name, OTHER_TYPES),
]

const rows: Row[] = [
  ...['pin', 'prefer'].flatMap(bothHave),
  // No endpoint that is ready, a zone that nobody has, a part of a zone's name: all is well, and empty; or all endpoints.
  ...[c('pin'), `none.pin._zone.${DB}`, `example.com.pin._zone.${DB}`, `x.${a('pin')}`].flatMap(name => nothing(name)),
  ...[c('prefer'), `none.prefer._zone.${DB}`, `example.com.prefer._zone.${DB}`, `x.${a('prefer')}`].flatMap(everything),
  // Names that are there because of names below them (RFC 8020).
  ...[`_zone.${DB}`, `pin._zone.${DB}`, `prefer._zone.${DB}`].flatMap(name => nothing(name)),
  // A headless Service without endpoints has names all the same: so it is there itself.
  ...[`a.pin._zone.empty.ns.svc.${Z}`, `a.prefer._zone.empty.ns.svc.${Z}`, `empty.ns.svc.${Z}`].flatMap(name =>
    nothing(name),
  ),
  ...[
    `us-west-2a.pin._zone.web.ns.svc.${Z}`,
    `us-west-2a.prefer._zone.web.ns.svc.${Z}`,
    `us-west-2a.pin._zone.ext.ns.svc.${Z}`,
    `us-west-2a.pin._zone.ghost.ns.svc.${Z}`,
    `us-west-2a.pin._zone.db.gone.svc.${Z}`,
    `us-west-2a.pin._zone.db.ns.pod.${Z}`,
    `us-west-2a.pin._zones.${DB}`,
    `us-west-2a.pin.zone.${DB}`,
    `us-west-2a.florp._zone.${DB}`,
    `us-west-2a.prefers._zone.${DB}`,
    `us-west-2a._zone.${DB}`,
    `florp._zone.${DB}`,
  ].flatMap((name): Row[] => ['A', 'SRV', 'TXT'].map(type => [`${name} ${type}`, 'NXDOMAIN'])),
]

void t.test('a zone chooses endpoints: pin those alone, prefer all where there are none', async t => {
  const cluster = await Cluster.open(t, { objects, options: 'zonal' })
  await cluster.hold(t, rows)
})

void t.test('the spelling is the client’s, in additional records too', async t => {
  const cluster = await Cluster.open(t, { objects, options: 'zonal' })
  await cluster.hold(t, [
    [
      'US-West-2a.PIN._Zone.db.ns.SVC.Cluster.local. A',
      'US-West-2a.PIN._Zone.db.ns.SVC.Cluster.local. 5 IN A 10.0.0.1',
    ],
    [
      'us-west-2A.Prefer._Zone.Db.ns.svc.Cluster.local. SRV',
      'us-west-2A.Prefer._Zone.Db.ns.svc.Cluster.local. 5 IN SRV 0 100 80 10-0-0-1.db.ns.svc.Cluster.local.',
      '; 10-0-0-1.Db.ns.svc.Cluster.local. 5 IN A 10.0.0.1',
    ],
  ])
})

void t.test('without the option there are no such names', async t => {
  const cluster = await Cluster.open(t, { objects })
  const names = [a('pin'), a('prefer'), `pin._zone.${DB}`, `_zone.${DB}`, `a.pin._zone.empty.ns.svc.${Z}`]
  await cluster.hold(
    t,
    [...names, `empty.ns.svc.${Z}`].map((name): Row => [`${name} A`, 'NXDOMAIN']),
  )
})

void t.test('nor in the zone of a ClusterSet', async t => {
  const imported = {
    apiVersion: 'multicluster.x-k8s.io/v1alpha1',
    kind: 'ServiceImport',
    metadata: { name: 'db', namespace: 'ns' },
    spec: { type: 'Headless', ports: [HTTP] },
  }
  const labels = {
    'multicluster.kubernetes.io/service-name': 'db',
    'multicluster.kubernetes.io/source-cluster': 'c1',
  }
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), imported, slice('db', [{ addresses: ['10.0.0.1'], zone: 'a' }], { labels })],
    zones: 'cluster.local clusterset.local',
    options: 'zonal\nmulticluster clusterset.local',
    soa: 'clusterset.local. 5/5',
  })
  const name = 'db.ns.svc.clusterset.local.'
  await cluster.hold(t, [
    [`${name} A`, `${name} 5 IN A 10.0.0.1`],
    [`a.pin._zone.${name} A`, 'NXDOMAIN'],
    [`a.prefer._zone.${name} A`, 'NXDOMAIN'],
  ])
})

const inZones = (...zones: string[]): Endpoint[] => zones.map((zone, i) => ({ addresses: [`10.0.0.${i + 1}`], zone }))

void t.test('an endpoint that comes to another zone, or a zone that is drained, shows', async t => {
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), headless('db'), slice('db', inZones('x', 'y'))],
    options: 'zonal',
  })
  const pin = `x.pin._zone.${DB}`
  const prefer = `x.prefer._zone.${DB}`
  await cluster.hold(t, [
    [`${pin} A`, `${pin} 5 IN A 10.0.0.1`],
    [`${prefer} A`, `${prefer} 5 IN A 10.0.0.1`],
  ])
  cluster.api.apply(slice('db', inZones('y', 'y')))
  await cluster.become(t, [`${pin} A`, 'NODATA'])
  await cluster.hold(t, [
    [`${prefer} A`, `${prefer} 5 IN A 10.0.0.1`, `${prefer} 5 IN A 10.0.0.2`],
    [`y.pin._zone.${DB} A`, `y.pin._zone.${DB} 5 IN A 10.0.0.1`, `y.pin._zone.${DB} 5 IN A 10.0.0.2`],
  ])
})
