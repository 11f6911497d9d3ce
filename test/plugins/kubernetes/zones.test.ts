// What a zone has of itself, and several zones beside each other.

import t from 'tap'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import { Cluster } from './cluster.ts'
import { HTTP, clusterIP, externalName, headless, namespace, slice } from './objects.ts'

const Z = 'cluster.local.'
const objects = [namespace('ns'), clusterIP('web', ['10.96.0.10'])]

for (const [option, ttl, soaTtl, minimum = ttl] of [
  ['', 5, 5],
  ['ttl 0', 0, 0],
  ['ttl 30', 30, 30],
  ['ttl 300', 300, 300],
  ['ttl 3600', 3600, 300],
  ['negative_ttl 2', 5, 2, 2],
  ['ttl 30\nnegative_ttl 0', 30, 0, 0],
  ['ttl 0\nnegative_ttl 300', 0, 300, 300],
] as const) {
  void t.test(
    `${option || 'no ttl'}: records have ${ttl} seconds, the SOA ${soaTtl} and a minimum of ${minimum}`,
    async t => {
      const soa = `${soaTtl}/${minimum}`
      const zones = `${Z} 10.in-addr.arpa.`
      const cluster = await Cluster.open(t, { objects, zones, options: option, soa: `${Z} ${soa}` })
      const web = `web.ns.svc.${Z}`
      await cluster.hold(t, [
        [`${web} A`, `${web} ${ttl} IN A 10.96.0.10`],
        [`${web} SRV`, `${web} ${ttl} IN SRV 0 100 80 ${web}`, `; ${web} ${ttl} IN A 10.96.0.10`],
        [`${web} MX`, 'NODATA'],
        [`foo.${Z} A`, 'NXDOMAIN'],
        [`${Z} SOA`, `${Z} ${soaTtl} IN SOA ns.dns.${Z} hostmaster.${Z} * 7200 1800 86400 ${minimum}`],
        [`${Z} NS`, `${Z} ${ttl} IN NS ns.dns.${Z}`, `; ns.dns.${Z} ${ttl} IN A 127.0.0.1`],
        ['10.0.96.10.in-addr.arpa. PTR', `10.0.96.10.in-addr.arpa. ${ttl} IN PTR ${web}`],
        ['x.10.in-addr.arpa. PTR', `NXDOMAIN 10.in-addr.arpa. ${soa}`],
        // Its TTL is its own.
        [`dns-version.${Z} TXT`, `dns-version.${Z} 28800 IN TXT "1.1.0"`],
      ])
    },
  )
}

void t.test('every zone has the same Services, its own SOA and NS, and dns-version', async t => {
  const zones = ['cluster.local.', 'other.test.', 'sub.other.test.', '10.in-addr.arpa.', '0.0.d.f.ip6.arpa.']
  const cluster = await Cluster.open(t, { objects, zones: zones.join(' ') })
  for (const zone of zones) {
    const soa = `${zone} 5/5`
    await cluster.hold(t, [
      [`${zone} SOA`, `${zone} 5 IN SOA ns.dns.${zone} hostmaster.${zone} * 7200 1800 86400 5`],
      [`${zone} NS`, `${zone} 5 IN NS ns.dns.${zone}`, `; ns.dns.${zone} 5 IN A 127.0.0.1`],
      [`ns.dns.${zone} A`, `ns.dns.${zone} 5 IN A 127.0.0.1`],
      [`dns.${zone} A`, `NODATA ${soa}`],
      [`dns-version.${zone} TXT`, `dns-version.${zone} 28800 IN TXT "1.1.0"`],
      [`dns-version.${zone} A`, `NODATA ${soa}`],
      [`foo.${zone} A`, `NXDOMAIN ${soa}`],
    ])
    const web = `web.ns.svc.${zone}`
    const isReverse = zone.endsWith('.arpa.')
    await cluster.hold(t, [
      [`${web} A`, isReverse ? `NXDOMAIN ${soa}` : `${web} 5 IN A 10.96.0.10`],
      [`${web} MX`, isReverse ? `NXDOMAIN ${soa}` : `NODATA ${soa}`],
    ])
  }
  // Into the first zone that is not a reverse one.
  await cluster.hold(t, [
    ['10.0.96.10.in-addr.arpa. PTR', '10.0.96.10.in-addr.arpa. 5 IN PTR web.ns.svc.cluster.local.'],
  ])
})

void t.test('addresses point into the first zone that is not a reverse one', async t => {
  const cluster = await Cluster.open(t, { objects, zones: '10.in-addr.arpa b.test a.test' })
  await cluster.hold(t, [['10.0.96.10.in-addr.arpa. PTR', '10.0.96.10.in-addr.arpa. 5 IN PTR web.ns.svc.b.test.']])
})

void t.test('without zones of its own the plugin serves those of the server block, here the root', async t => {
  const cluster = await Cluster.open(t, { objects, zones: '', soa: '. 5/5' })
  await cluster.hold(t, [
    ['web.ns.svc. A', 'web.ns.svc. 5 IN A 10.96.0.10'],
    ['web.ns.svc. SRV', 'web.ns.svc. 5 IN SRV 0 100 80 web.ns.svc.', '; web.ns.svc. 5 IN A 10.96.0.10'],
    ['WEB.ns.svc. MX', 'NODATA'],
    ['. A', 'NODATA'],
    ['. SOA', '. 5 IN SOA ns.dns. hostmaster. * 7200 1800 86400 5'],
    ['. NS', '. 5 IN NS ns.dns.', '; ns.dns. 5 IN A 127.0.0.1'],
    ['example. A', 'NXDOMAIN'],
  ])
})

const serviceImport = (name: string, spec: object): ApiObject => ({
  apiVersion: 'multicluster.x-k8s.io/v1alpha1',
  kind: 'ServiceImport',
  metadata: { name, namespace: 'ns' },
  spec,
})

function imported(cluster: string, address: string): ApiObject {
  const made = slice('db', [{ addresses: [address], hostname: 'h' }], { name: `db-${cluster}` })
  const labels = {
    'multicluster.kubernetes.io/service-name': 'db',
    'multicluster.kubernetes.io/source-cluster': cluster,
  }
  return { ...made, metadata: { ...made.metadata, labels } }
}

void t.test('a zone of a ClusterSet has the imported Services, the others have those of the cluster', async t => {
  const cluster = await Cluster.open(t, {
    objects: [
      ...objects,
      headless('db'),
      slice('db', [{ addresses: ['10.0.0.1'], hostname: 'h' }]),
      externalName('ext', 'example.org'),
      serviceImport('web', { type: 'ClusterSetIP', ips: ['10.97.0.1'], ports: [HTTP] }),
      serviceImport('db', { type: 'Headless', ports: [HTTP] }),
      imported('c1', '10.1.0.1'),
      imported('c2', '10.2.0.1'),
    ],
    zones: 'clusterset.local cluster.local 10.in-addr.arpa',
    options: 'multicluster clusterset.local',
  })
  const set = 'ns.svc.clusterset.local.'
  const soa = 'clusterset.local. 5/5'
  await cluster.hold(t, [
    [`web.ns.svc.${Z} A`, `web.ns.svc.${Z} 5 IN A 10.96.0.10`],
    [`db.ns.svc.${Z} A`, `db.ns.svc.${Z} 5 IN A 10.0.0.1`],
    [`h.db.ns.svc.${Z} A`, `h.db.ns.svc.${Z} 5 IN A 10.0.0.1`],
    [`h.c1.db.ns.svc.${Z} A`, 'NXDOMAIN'],
    [`web.${set} A`, `web.${set} 5 IN A 10.97.0.1`],
    [
      `_http._tcp.web.${set} SRV`,
      `_http._tcp.web.${set} 5 IN SRV 0 100 80 web.${set}`,
      `; web.${set} 5 IN A 10.97.0.1`,
    ],
    [`db.${set} A`, `db.${set} 5 IN A 10.1.0.1`, `db.${set} 5 IN A 10.2.0.1`],
    [`h.c1.db.${set} A`, `h.c1.db.${set} 5 IN A 10.1.0.1`],
    [`h.c2.db.${set} A`, `h.c2.db.${set} 5 IN A 10.2.0.1`],
    [
      `_http._tcp.db.${set} SRV`,
      `_http._tcp.db.${set} 5 IN SRV 0 50 80 h.c1.db.${set}`,
      `_http._tcp.db.${set} 5 IN SRV 0 50 80 h.c2.db.${set}`,
      `; h.c1.db.${set} 5 IN A 10.1.0.1`,
      `; h.c2.db.${set} 5 IN A 10.2.0.1`,
    ],
    [`h.db.${set} A`, `NXDOMAIN ${soa}`],
    [`c1.db.${set} A`, `NODATA ${soa}`],
    [`ext.${set} A`, `NXDOMAIN ${soa}`],
    [
      `clusterset.local. NS`,
      'clusterset.local. 5 IN NS ns.dns.clusterset.local.',
      '; ns.dns.clusterset.local. 5 IN A 127.0.0.1',
    ],
    ['10.0.96.10.in-addr.arpa. PTR', `10.0.96.10.in-addr.arpa. 5 IN PTR web.ns.svc.${Z}`],
    ['1.0.97.10.in-addr.arpa. PTR', 'NXDOMAIN 10.in-addr.arpa. 5/5'],
  ])
  cluster.api.apply(serviceImport('web', { type: 'ClusterSetIP', ips: ['10.97.0.2'], ports: [HTTP] }))
  await cluster.become(t, [`web.${set} A`, `web.${set} 5 IN A 10.97.0.2`])
  cluster.remove('EndpointSlice', 'db-c1')
  await cluster.become(t, [`db.${set} A`, `db.${set} 5 IN A 10.2.0.1`])
})
