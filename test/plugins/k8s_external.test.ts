// Services as they are named from outside of the cluster. What CoreDNS answers otherwise is in the README.

import t from 'tap'
import { setUpBlock, chain } from './harness.ts'
import { NO_HANDLER } from '../../src/server/handler.ts'
import { Cluster, type ClusterOptions, type Row } from './kubernetes/cluster.ts'
import { namespace, slice } from './kubernetes/objects.ts'
import { OUTSIDE, outside } from './outside.ts'

const Z = 'example.org.'
const N = `ns.${Z}`
const V4 = '113.0.203.in-addr.arpa.'
const V6 = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.'
const NAMES = { mname: 'ns1.dns.', rname: 'hostmaster.dns.' }

interface Options extends Pick<ClusterOptions, 'options' | 'zones'> {
  /** Of `k8s_external`. */
  readonly external?: string
  readonly externalZones?: string
  readonly soa?: string
  readonly soaNames?: typeof NAMES
  readonly behind?: string
}

const open = (t: Parameters<typeof Cluster.open>[0], options: Options = {}): Promise<Cluster> => {
  const { external = '', externalZones = `${Z} ${V4} ip6.arpa.`, behind = 'hosts HOSTS', ...rest } = options
  const hosts = 'hosts {\n198.51.100.99 lb.example.com\n2001:db8::99 lb.example.com\nfallthrough\n}\nwhoami'
  return Cluster.open(t, {
    objects: OUTSIDE,
    soa: `${Z} 5/5`,
    soaNames: NAMES,
    ...rest,
    behind: `k8s_external ${externalZones} {\n${external}\n}\n${behind.replace('hosts HOSTS', hosts)}`,
  })
}

const found: readonly Row[] = [
  [`ip.${N} A`, `ip.${N} 5 IN A 203.0.113.1`, `ip.${N} 5 IN A 203.0.113.2`],
  [`ip.${N} AAAA`, 'NODATA'],
  [`ip.${N} PTR`, 'NODATA'],
  [
    `ip.${N} SRV`,
    `ip.${N} 5 IN SRV 0 25 53 ip.${N}`,
    `ip.${N} 5 IN SRV 0 25 80 ip.${N}`,
    `; ip.${N} 5 IN A 203.0.113.1`,
    `; ip.${N} 5 IN A 203.0.113.2`,
  ],
  [
    `_dns._udp.ip.${N} SRV`,
    `_dns._udp.ip.${N} 5 IN SRV 0 50 53 ip.${N}`,
    `; ip.${N} 5 IN A 203.0.113.1`,
    `; ip.${N} 5 IN A 203.0.113.2`,
  ],
  [
    `dns.udp.ip.${N} SRV`,
    `dns.udp.ip.${N} 5 IN SRV 0 50 53 ip.${N}`,
    `; ip.${N} 5 IN A 203.0.113.1`,
    `; ip.${N} 5 IN A 203.0.113.2`,
  ],
  [`dns._udp.ip.${N} A`, `dns._udp.ip.${N} 5 IN A 203.0.113.1`, `dns._udp.ip.${N} 5 IN A 203.0.113.2`],
  [`_udp.ip.${N} A`, 'NODATA'],
  [`_sql._tcp.ip.${N} SRV`, 'NXDOMAIN'],
  [`Lb.Ns.Example.org. A`, `Lb.Ns.Example.org. 5 IN A 203.0.113.3`, `Lb.Ns.Example.org. 5 IN A 203.0.113.4`],
  [`both.${N} A`, `both.${N} 5 IN A 203.0.113.2`],
  [`both.${N} AAAA`, `both.${N} 5 IN AAAA 2001:db8::1`],
  [
    `both.${N} SRV`,
    `both.${N} 5 IN SRV 0 50 443 both.${N}`,
    `; both.${N} 5 IN A 203.0.113.2`,
    `; both.${N} 5 IN AAAA 2001:db8::1`,
  ],
  [`mixed.${N} A`, `mixed.${N} 5 IN A 203.0.113.5`],
  [`mixed.${N} AAAA`, 'NODATA'],
  [`dbip.${N} A`, `dbip.${N} 5 IN A 203.0.113.9`],
  // What nothing reaches from outside.
  [`plain.${N} A`, 'NXDOMAIN'],
  [`10-0-0-5.plain.${N} A`, 'NXDOMAIN'],
  [`10-0-0-9.dbip.${N} A`, 'NXDOMAIN'],
  [`none.${N} A`, 'NXDOMAIN'],
  [`a._http._tcp.ip.${N} SRV`, 'NXDOMAIN'],
  [`${N} A`, 'NODATA'],
  [`none.${Z} A`, 'NXDOMAIN'],
]

void t.test('a Service has its external IPs, then those of its load balancer', async t => {
  const cluster = await open(t)
  await cluster.hold(t, [
    ...found,
    [`db.${N} A`, 'NXDOMAIN'],
    [
      'ip.ns.svc.cluster.local. MX',
      'NODATA without SOA cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. * 7200 1800 86400 5',
    ],
    [`${Z} AXFR`, 'REFUSED'],
    ['example.net. A', 'next'],
  ])
})

void t.test('a load balancer with a name is an alias, and what that is stands behind it', async t => {
  const cluster = await open(t)
  const lb = 'lb.example.com. 3600 IN'
  await cluster.hold(t, [
    [`host.${N} A`, `host.${N} 5 IN CNAME lb.example.com.`, `${lb} A 198.51.100.99`],
    [`host.${N} AAAA`, `host.${N} 5 IN CNAME lb.example.com.`, `${lb} AAAA 2001:db8::99`],
    [`_http._tcp.host.${N} A`, `_http._tcp.host.${N} 5 IN CNAME lb.example.com.`, `${lb} A 198.51.100.99`],
    [`host.${N} SRV`, `host.${N} 5 IN SRV 0 100 80 lb.example.com.`],
    [`host.${N} CNAME`, `host.${N} 5 IN CNAME lb.example.com.`],
    [`host.${N} MX`, 'NODATA'],
    [`hosts.${N} A`, `hosts.${N} 5 IN CNAME lb.example.com.`, `${lb} A 198.51.100.99`],
    [`hosts.${N} SRV`, `hosts.${N} 5 IN SRV 0 50 80 lb.example.com.`, `hosts.${N} 5 IN SRV 0 50 80 lb2.example.com.`],
  ])
})

void t.test('headless Services have names for their endpoints where that is asked for', async t => {
  const cluster = await open(t, { external: 'headless' })
  await cluster.hold(t, [
    ...found,
    [`db.${N} A`, `db.${N} 5 IN A 10.0.0.1`, `db.${N} 5 IN A 10.0.0.2`],
    [`db-0.db.${N} A`, `db-0.db.${N} 5 IN A 10.0.0.1`],
    [
      `10-0-0-2.db.${N} SRV`,
      `10-0-0-2.db.${N} 5 IN SRV 0 100 80 10-0-0-2.db.${N}`,
      `; 10-0-0-2.db.${N} 5 IN A 10.0.0.2`,
    ],
    [
      `_http._tcp.db.${N} SRV`,
      `_http._tcp.db.${N} 5 IN SRV 0 50 80 10-0-0-2.db.${N}`,
      `_http._tcp.db.${N} 5 IN SRV 0 50 80 db-0.db.${N}`,
      `; 10-0-0-2.db.${N} 5 IN A 10.0.0.2`,
      `; db-0.db.${N} 5 IN A 10.0.0.1`,
    ],
    [`10-0-0-3.db.${N} A`, 'NXDOMAIN'],
  ])
  cluster.api.apply(slice('db', ['10.0.0.2']))
  await cluster.become(t, [`db-0.db.${N} A`, 'NXDOMAIN'])
})

void t.test('addresses point to their Services, in the first zone that is not a reverse one', async t => {
  const soa = { soa: `${V4} 5/5` }
  const cluster = await open(t, { ...soa, externalZones: `${V4} ip6.arpa ${Z} example.net` })
  await cluster.hold(t, [
    [`1.${V4} PTR`, `1.${V4} 5 IN PTR ip.${N}`],
    [`2.${V4} PTR`, `2.${V4} 5 IN PTR both.${N}`, `2.${V4} 5 IN PTR ip.${N}`],
    [`4.${V4} PTR`, `4.${V4} 5 IN PTR lb.${N}`],
    [`${V6} PTR`, `${V6} 5 IN PTR both.${N}`],
    [`1.${V4} A`, 'NODATA'],
    [`99.${V4} PTR`, 'NXDOMAIN'],
    // Its name would be that of a name server.
    [`20.${V4} PTR`, 'NXDOMAIN'],
    ['1.0.96.10.in-addr.arpa. PTR', 'next'],
    ['ip.ns.example.net. A', 'ip.ns.example.net. 5 IN A 203.0.113.1', 'ip.ns.example.net. 5 IN A 203.0.113.2'],
  ])
  cluster.api.apply(outside('both', { externalIPs: ['203.0.113.6'] }))
  await cluster.become(t, [`2.${V4} PTR`, `2.${V4} 5 IN PTR ip.${N}`])
  await cluster.hold(t, [
    [`6.${V4} PTR`, `6.${V4} 5 IN PTR both.${N}`],
    [`${V6} PTR`, 'NXDOMAIN ip6.arpa. 5/5'],
  ])
  cluster.remove('Service', 'both')
  await cluster.become(t, [`6.${V4} PTR`, 'NXDOMAIN'])
})

void t.test('a zone may be one of kubernetes, too: the names that are missing go on to it', async t => {
  const zones = 'cluster.local in-addr.arpa'
  const cluster = await open(t, { zones, externalZones: `in-addr.arpa ${Z}`, external: 'fallthrough in-addr.arpa' })
  await cluster.hold(t, [
    [`1.${V4} PTR`, `1.${V4} 5 IN PTR ip.${N}`],
    ['5.0.0.10.in-addr.arpa. PTR', '5.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-5.plain.ns.svc.cluster.local.'],
    [`none.${N} A`, 'NXDOMAIN'],
  ])
})

for (const [external, apex, ttl, soaTtl = ttl] of [
  ['', 'dns', 5],
  ['ttl 30\napex GW', 'gw', 30],
  ['ttl 0', 'dns', 0],
  ['ttl 3600', 'dns', 3600, 300],
] as const) {
  void t.test(`${JSON.stringify(external)}: the zone has a SOA and a name server below ${apex}`, async t => {
    const soaNames = { mname: `ns1.${apex}.`, rname: `hostmaster.${apex}.` }
    const cluster = await open(t, { external, soa: `${Z} ${soaTtl}/${ttl}`, soaNames })
    for (const zone of [Z, V4]) {
      const ns = `ns1.${apex}.${zone}`
      const soa = `${zone} ${soaTtl}/${ttl}`
      await cluster.hold(t, [
        [`${zone} SOA`, `${zone} ${soaTtl} IN SOA ${ns} hostmaster.${apex}.${zone} * 7200 1800 86400 ${ttl}`],
        [`${zone} NS`, `${zone} ${ttl} IN NS ${ns}`, `; ${ns} ${ttl} IN A 127.0.0.1`],
        [`${zone} A`, `NODATA ${soa}`],
        [`${ns} A`, `${ns} ${ttl} IN A 127.0.0.1`],
        [`${ns} AAAA`, `NODATA ${soa}`],
        [`${apex}.${zone} A`, `NODATA ${soa}`],
        [`foo.${apex}.${zone} A`, `NXDOMAIN ${soa}`],
      ])
    }
    const shadow = `shadow.dns.${Z}`
    await cluster.hold(t, [
      [`${shadow} A`, apex === 'dns' ? 'NXDOMAIN' : `${shadow} ${ttl} IN A 203.0.113.20`],
      [
        `lb.${N} SRV`,
        `lb.${N} ${ttl} IN SRV 0 50 80 lb.${N}`,
        `; lb.${N} ${ttl} IN A 203.0.113.3`,
        `; lb.${N} ${ttl} IN A 203.0.113.4`,
      ],
    ])
  })
}

void t.test('what changes in the API changes here', async t => {
  const cluster = await open(t)
  const serial = await cluster.serial(Z)
  cluster.api.apply(outside('plain', { ingress: [{ ip: '203.0.113.30' }] }))
  await cluster.become(t, [`plain.${N} A`, `plain.${N} 5 IN A 203.0.113.30`])
  t.ok((await cluster.serial(Z)) >= serial && serial > 0, 'the serial is of the last change')
  cluster.api.apply(namespace('later'))
  await cluster.become(t, [`later.${Z} A`, 'NODATA'])
  cluster.remove('Namespace', 'ns')
  await cluster.become(t, [`ip.${N} A`, 'NXDOMAIN'])
  await cluster.become(t, [`${N} A`, 'NXDOMAIN'])
})

void t.test('namespaces of kubernetes count here, too', async t => {
  const cluster = await open(t, {
    options: 'namespaces dns',
    external: 'apex gw',
    soaNames: { mname: 'ns1.gw.', rname: 'hostmaster.gw.' },
  })
  await cluster.hold(t, [
    [`shadow.dns.${Z} A`, `shadow.dns.${Z} 5 IN A 203.0.113.20`],
    [`20.${V4} PTR`, `20.${V4} 5 IN PTR shadow.dns.${Z}`],
    [`ip.${N} A`, 'NXDOMAIN'],
    [`${N} A`, 'NXDOMAIN'],
    [`1.${V4} PTR`, `NXDOMAIN ${V4} 5/5`],
  ])
})

void t.test('without zones of its own it has those of the server block', async t => {
  const cluster = await open(t, { externalZones: '', external: 'fallthrough', soa: '. 5/5' })
  await cluster.hold(t, [
    ['lb.ns. A', 'lb.ns. 5 IN A 203.0.113.3', 'lb.ns. 5 IN A 203.0.113.4'],
    ['lb.ns. MX', 'NODATA'],
    ['dbip.ns.svc.cluster.local. A', 'dbip.ns.svc.cluster.local. 5 IN A 10.0.0.9'],
    ['example.net. A', 'next'],
  ])
})

const mistakes: [directives: string, message: RegExp][] = [
  ['k8s_external', /^Corefile:2:1: k8s_external has no plugin 'kubernetes' in its server block/],
  ['kubernetes\nk8s_external a..b', /^Corefile:3:14: /],
  ['kubernetes\nk8s_external 10.0.0.0/8', /^Corefile:3:1: k8s_external has only reverse zones/],
  [`kubernetes\nk8s_external ${'a.'.repeat(122)}`, /^Corefile:3:1: zone '.*' leaves no room/],
  ['kubernetes\nk8s_external {\napex\n}', /^Corefile:4:1: nothing after 'apex'; expected a label/],
  ['kubernetes\nk8s_external {\napex a.b\n}', /^Corefile:4:6: 'a.b' is no label/],
  ['kubernetes\nk8s_external {\nttl 3601\n}', /^Corefile:4:5: /],
  ['kubernetes\nk8s_external {\nheadless yes\n}', /^Corefile:4:10: 'yes' is one argument too many/],
  ['kubernetes\nk8s_external {\nheadles\n}', /^Corefile:4:1: unknown property 'headles' \(did you mean 'headless'\?\)/],
]

void t.test('a mistake has its place', async t => {
  for (const [directives, message] of mistakes) {
    t.throws(() => chain(setUpBlock(directives), NO_HANDLER), { message }, directives)
  }
})
