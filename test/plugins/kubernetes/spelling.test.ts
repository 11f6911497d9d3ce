// Resolvers mix the case of their questions and compare what comes back (0x20).

import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { HTTP, clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const objects = [
  namespace('ns'),
  clusterIP('web', ['10.96.0.10']),
  headless('db'),
  slice('db', [{ addresses: ['10.0.0.1'], hostname: 'db-0' }], { ports: [HTTP] }),
  externalName('alias', 'web.ns.svc.cluster.local'),
]

const Z = 'CLUSTER.Local.'
const WEB = `Web.NS.sVc.${Z}`
const DB = `dB.nS.Svc.${Z}`

const rows: Row[] = [
  [`${WEB} A`, `${WEB} 5 IN A 10.96.0.10`],
  // The client's spelling of the zone, the API's of the Service.
  [`${WEB} SRV`, `${WEB} 5 IN SRV 0 100 80 web.ns.svc.${Z}`, `; ${WEB} 5 IN A 10.96.0.10`],
  [`_HTTP._Tcp.${WEB} SRV`, `_HTTP._Tcp.${WEB} 5 IN SRV 0 100 80 web.ns.svc.${Z}`, `; ${WEB} 5 IN A 10.96.0.10`],
  [`HTTP.Tcp.${WEB} SRV`, `HTTP.Tcp.${WEB} 5 IN SRV 0 100 80 web.ns.svc.${Z}`, `; ${WEB} 5 IN A 10.96.0.10`],
  [`${DB} SRV`, `${DB} 5 IN SRV 0 100 80 db-0.db.ns.svc.${Z}`, `; db-0.${DB} 5 IN A 10.0.0.1`],
  [`Http._TCP.${DB} SRV`, `Http._TCP.${DB} 5 IN SRV 0 100 80 db-0.db.ns.svc.${Z}`, `; db-0.${DB} 5 IN A 10.0.0.1`],
  [`DB-0.${DB} SRV`, `DB-0.${DB} 5 IN SRV 0 100 80 db-0.db.ns.svc.${Z}`, `; DB-0.${DB} 5 IN A 10.0.0.1`],
  [`${WEB} MX`, `NODATA ${Z} 5/5`],
  [`Foo.${WEB} A`, `NXDOMAIN ${Z} 5/5`],
  [`${Z} SOA`, `${Z} 5 IN SOA ns.dns.${Z} hostmaster.${Z} * 7200 1800 86400 5`],
  [`${Z} NS`, `${Z} 5 IN NS ns.dns.${Z}`, `; ns.dns.${Z} 5 IN A 127.0.0.1`],
  [`NS.Dns.${Z} A`, `NS.Dns.${Z} 5 IN A 127.0.0.1`],
  [`DNS-Version.${Z} TXT`, `DNS-Version.${Z} 28800 IN TXT "1.1.0"`],
  // The target of an alias is as its Service has it, and so are the records there.
  [
    `ALIAS.${DB.slice(3)} A`,
    `ALIAS.${DB.slice(3)} 5 IN CNAME web.ns.svc.cluster.local.`,
    'web.ns.svc.cluster.local. 5 IN A 10.96.0.10',
  ],
  // The target is below the configured zone, whatever the question.
  ['1.0.0.10.IN-Addr.ARPA. PTR', '1.0.0.10.IN-Addr.ARPA. 5 IN PTR db-0.db.ns.svc.cluster.local.'],
  ['2.0.0.10.IN-Addr.ARPA. PTR', 'NXDOMAIN 10.IN-Addr.ARPA. 5/5'],
  [
    '10.IN-Addr.ARPA. NS',
    '10.IN-Addr.ARPA. 5 IN NS ns.dns.10.IN-Addr.ARPA.',
    '; ns.dns.10.IN-Addr.ARPA. 5 IN A 127.0.0.1',
  ],
]

void t.test('names come back as the client spelt them, in every section', async t => {
  const cluster = await Cluster.open(t, { objects, zones: 'Cluster.LOCAL 10.in-addr.arpa' })
  await cluster.hold(t, rows)
})

void t.test('names of Pods do so too', async t => {
  const cluster = await Cluster.open(t, { objects, options: 'pods insecure' })
  const name = `10-0-0-1.Ns.Pod.${Z}`
  await cluster.hold(t, [
    [`${name} A`, `${name} 5 IN A 10.0.0.1`],
    [`${name} SRV`, `${name} 5 IN SRV 0 100 0 ${name}`, `; ${name} 5 IN A 10.0.0.1`],
    [`X.Y.${name} SRV`, `X.Y.${name} 5 IN SRV 0 100 0 ${name}`, `; ${name} 5 IN A 10.0.0.1`],
    [`FD00--AB.NS.pod.${Z} AAAA`, `FD00--AB.NS.pod.${Z} 5 IN AAAA fd00::ab`],
  ])
})
