// Which names exist, and what each of them holds.

import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { HTTP, clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const Z = 'cluster.local.'
const WEB = `web.ns.svc.${Z}`
const DB = `db.ns.svc.${Z}`
const PG = { name: 'pg', port: 5432, protocol: 'TCP' }

const objects = [
  namespace('ns'),
  namespace('svc'),
  clusterIP('web', ['10.96.0.10', 'fd00:10:96::a'], [HTTP, { name: 'admin', port: 80, protocol: 'UDP' }]),
  slice('web', [{ addresses: ['10.0.1.1'], hostname: 'w' }]),
  clusterIP('plain', ['10.96.0.11'], [{ port: 9 }]),
  clusterIP('pod', ['10.96.0.12'], [HTTP], { namespace: 'svc' }),
  headless('db'),
  slice(
    'db',
    [
      { addresses: ['10.0.0.1'], hostname: 'db-0' },
      '10.0.0.2',
      { addresses: ['10.0.0.9'], conditions: { ready: false } },
    ],
    { ports: [PG] },
  ),
  headless('six'),
  slice('six', ['fd00::1'], { ports: [] }),
  headless('empty'),
  slice('empty', [{ addresses: ['10.0.0.8'], conditions: { ready: false } }]),
  externalName('ext', 'www.example.org'),
]

/** Types that no name of a cluster has. */
const OTHER_TYPES = ['MX', 'ANY', 'HTTPS', 'DS', 'NAPTR', 'CAA', 'HINFO', 'PTR']
const FORWARD_TYPES = ['A', 'AAAA', 'SRV', 'CNAME', 'TXT', 'NS', 'SOA', ...OTHER_TYPES]

/** Rows of one outcome for every type but those. */
const all = (name: string, outcome: string, but: string[] = []): Row[] =>
  FORWARD_TYPES.filter(type => !but.includes(type)).map(type => [`${name} ${type}`, outcome])

const empty: Row[] = [Z, `svc.${Z}`, `pod.${Z}`, `ns.svc.${Z}`, `dns.${Z}`, `_tcp.${WEB}`, `_tcp.${DB}`].flatMap(name =>
  all(name, 'NODATA', name === Z ? ['SOA', 'NS'] : []),
)

const missing: Row[] = [
  `foo.${Z}`,
  `dns-versions.${Z}`,
  `none.svc.${Z}`,
  `gone.svc.${Z}`,
  `none.ns.svc.${Z}`,
  `empty.ns.svc.${Z}`,
  `x.empty.ns.svc.${Z}`,
  `none.web.ns.svc.${Z}`,
  `10-0-1-1.web.ns.svc.${Z}`,
  `_none._tcp.${WEB}`,
  `_http._udp.${WEB}`,
  `_http._sctp.${WEB}`,
  `_http.${WEB}`,
  `10-0-0-9.${DB}`,
  `10-0-0-1.${DB}`,
  `_http._tcp.${DB}`,
  `_pg._udp.${DB}`,
  `db-0.cluster.${DB}`,
  `a.b.c.${WEB}`,
  `a.b.c.d.${WEB}`,
  `x.ext.ns.svc.${Z}`,
  `_http._tcp.ext.ns.svc.${Z}`,
  `*.ns.svc.${Z}`,
  `*.*.svc.${Z}`,
  `any.ns.svc.${Z}`,
  `ns.pod.${Z}`,
  `10-0-0-1.ns.pod.${Z}`,
  `x.ns.dns.${Z}`,
  `web.ns.${Z}`,
  `svc.svc.svc.${Z}`,
  `web.ns.svc.svc.${Z}`,
].flatMap(name => all(name, 'NXDOMAIN'))

const webPorts: Row[] = ['_http._tcp', 'http.tcp', '_http.tcp', 'http._tcp', '_admin._udp']
  .map(labels => `${labels}.${WEB}`)
  .flatMap(name =>
    all(name, 'NODATA', ['A', 'AAAA', 'SRV']).concat([
      [`${name} A`, `${name} 5 IN A 10.96.0.10`],
      [`${name} AAAA`, `${name} 5 IN AAAA fd00:10:96::a`],
      [
        `${name} SRV`,
        `${name} 5 IN SRV 0 50 80 ${WEB}`,
        `; ${WEB} 5 IN A 10.96.0.10`,
        `; ${WEB} 5 IN AAAA fd00:10:96::a`,
      ],
    ]),
  )

const dbPorts: Row[] = ['_pg._tcp', 'pg.tcp', '_pg.tcp']
  .map(labels => `${labels}.${DB}`)
  .flatMap(name =>
    all(name, 'NODATA', ['A', 'SRV']).concat([
      [`${name} A`, `${name} 5 IN A 10.0.0.1`, `${name} 5 IN A 10.0.0.2`],
      [
        `${name} SRV`,
        `${name} 5 IN SRV 0 50 5432 10-0-0-2.${DB}`,
        `${name} 5 IN SRV 0 50 5432 db-0.${DB}`,
        `; 10-0-0-2.${DB} 5 IN A 10.0.0.2`,
        `; db-0.${DB} 5 IN A 10.0.0.1`,
      ],
    ]),
  )

const rows: Row[] = [
  ...empty,
  ...missing,
  [`${WEB} A`, `${WEB} 5 IN A 10.96.0.10`],
  [`${WEB} AAAA`, `${WEB} 5 IN AAAA fd00:10:96::a`],
  // Two ports of the same number on two families: one record of four items.
  [`${WEB} SRV`, `${WEB} 5 IN SRV 0 25 80 ${WEB}`, `; ${WEB} 5 IN A 10.96.0.10`, `; ${WEB} 5 IN AAAA fd00:10:96::a`],
  ...all(WEB, 'NODATA', ['A', 'AAAA', 'SRV']),
  ...webPorts,
  [`w.${WEB} A`, `w.${WEB} 5 IN A 10.0.1.1`],
  [`w.${WEB} SRV`, `w.${WEB} 5 IN SRV 0 100 80 w.${WEB}`, `; w.${WEB} 5 IN A 10.0.1.1`],
  ...all(`w.${WEB}`, 'NODATA', ['A', 'SRV']),
  [`plain.ns.svc.${Z} A`, `plain.ns.svc.${Z} 5 IN A 10.96.0.11`],
  [
    `plain.ns.svc.${Z} SRV`,
    `plain.ns.svc.${Z} 5 IN SRV 0 100 9 plain.ns.svc.${Z}`,
    `; plain.ns.svc.${Z} 5 IN A 10.96.0.11`,
  ],
  ...all(`plain.ns.svc.${Z}`, 'NODATA', ['A', 'SRV']),
  // The position decides, not the word.
  [`pod.svc.svc.${Z} A`, `pod.svc.svc.${Z} 5 IN A 10.96.0.12`],
  ...all(`svc.svc.${Z}`, 'NODATA'),

  [`${DB} A`, `${DB} 5 IN A 10.0.0.1`, `${DB} 5 IN A 10.0.0.2`],
  [
    `${DB} SRV`,
    `${DB} 5 IN SRV 0 50 5432 10-0-0-2.${DB}`,
    `${DB} 5 IN SRV 0 50 5432 db-0.${DB}`,
    `; 10-0-0-2.${DB} 5 IN A 10.0.0.2`,
    `; db-0.${DB} 5 IN A 10.0.0.1`,
  ],
  ...all(DB, 'NODATA', ['A', 'SRV']),
  ...dbPorts,
  [`db-0.${DB} A`, `db-0.${DB} 5 IN A 10.0.0.1`],
  [`db-0.${DB} SRV`, `db-0.${DB} 5 IN SRV 0 100 5432 db-0.${DB}`, `; db-0.${DB} 5 IN A 10.0.0.1`],
  ...all(`db-0.${DB}`, 'NODATA', ['A', 'SRV']),
  [`six.ns.svc.${Z} AAAA`, `six.ns.svc.${Z} 5 IN AAAA fd00::1`],
  [`fd00--1.six.ns.svc.${Z} AAAA`, `fd00--1.six.ns.svc.${Z} 5 IN AAAA fd00::1`],
  ...all(`six.ns.svc.${Z}`, 'NODATA', ['AAAA']),

  [`ext.ns.svc.${Z} CNAME`, `ext.ns.svc.${Z} 5 IN CNAME www.example.org.`],
  [`ext.ns.svc.${Z} A`, `ext.ns.svc.${Z} 5 IN CNAME www.example.org.`],
  [`ext.ns.svc.${Z} AAAA`, `ext.ns.svc.${Z} 5 IN CNAME www.example.org.`],
  ...all(`ext.ns.svc.${Z}`, 'NODATA', ['A', 'AAAA', 'CNAME']),

  [`dns-version.${Z} TXT`, `dns-version.${Z} 28800 IN TXT "1.1.0"`],
  ...all(`dns-version.${Z}`, 'NODATA', ['TXT']),
  [`ns.dns.${Z} A`, `ns.dns.${Z} 5 IN A 127.0.0.1`],
  ...all(`ns.dns.${Z}`, 'NODATA', ['A']),
  [`${Z} NS`, `${Z} 5 IN NS ns.dns.${Z}`, `; ns.dns.${Z} 5 IN A 127.0.0.1`],
  [`${Z} SOA`, `${Z} 5 IN SOA ns.dns.${Z} hostmaster.${Z} * 7200 1800 86400 5`],

  // Transfers are refused whatever the name; a name outside the zones is for the next plugin, and here is none.
  ...[Z, WEB, `foo.${Z}`].flatMap((name): Row[] => [
    [`${name} AXFR`, 'REFUSED'],
    [`${name} IXFR`, 'REFUSED'],
  ]),
  ['example.org. A', 'SERVFAIL without SOA ', 'not authoritative'],
  ['local. A', 'SERVFAIL without SOA ', 'not authoritative'],
  ['xcluster.local. A', 'SERVFAIL without SOA ', 'not authoritative'],
]

void t.test('every form of name has its records, or is empty, or does not exist, whatever the type', async t => {
  const cluster = await Cluster.open(t, { objects })
  await cluster.hold(t, rows)
})
