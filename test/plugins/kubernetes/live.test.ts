// Changes of the API, as the answers show them.

import t from 'tap'
import type { Hold } from '../../../src/fakeapi/faults.ts'
import { UdpClient } from '../../server/clients.ts'
import { buildQuery } from '../../server/message.ts'
import { Cluster, type Row } from './cluster.ts'
import { clusterIP, externalName, headless, namespace, pod, service, slice } from './objects.ts'

const Z = 'cluster.local.'
const WEB = `web.ns.svc.${Z}`
const web: Row = [`${WEB} A`, `${WEB} 5 IN A 10.96.0.10`]
const gone: Row = [`${WEB} A`, 'NXDOMAIN']

const REVERSE = '10.in-addr.arpa.'
const zones = `cluster.local ${REVERSE}`

void t.test('a Service comes, changes its address and goes', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns')], zones })
  await cluster.hold(t, [gone])
  cluster.api.apply(clusterIP('web', ['10.96.0.10']))
  await cluster.become(t, web)
  await cluster.become(t, ['10.0.96.10.in-addr.arpa. PTR', `10.0.96.10.in-addr.arpa. 5 IN PTR ${WEB}`])
  cluster.remove('Service', 'web')
  await cluster.become(t, gone)
  await cluster.become(t, ['10.0.96.10.in-addr.arpa. PTR', `NXDOMAIN ${REVERSE} 5/5`])
  cluster.api.apply(clusterIP('web', ['10.96.0.11'], [{ port: 1 }]))
  await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN A 10.96.0.11`])
  await cluster.hold(t, [
    ['_http._tcp.web.ns.svc.cluster.local. SRV', 'NXDOMAIN'],
    ['_tcp.web.ns.svc.cluster.local. A', 'NXDOMAIN'],
    ['11.0.96.10.in-addr.arpa. PTR', `11.0.96.10.in-addr.arpa. 5 IN PTR ${WEB}`],
    ['10.0.96.10.in-addr.arpa. PTR', `NXDOMAIN ${REVERSE} 5/5`],
  ])
  cluster.api.apply(clusterIP('web', ['10.96.0.11'], [{ name: 'new', port: 2 }]))
  await cluster.become(t, [
    `_new._tcp.${WEB} SRV`,
    `_new._tcp.${WEB} 5 IN SRV 0 100 2 ${WEB}`,
    `; ${WEB} 5 IN A 10.96.0.11`,
  ])
})

void t.test('a Service that becomes an ExternalName is a CNAME, and back again', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), clusterIP('web', ['10.96.0.10'])] })
  await cluster.hold(t, [web])
  cluster.api.apply(externalName('web', 'www.example.org'))
  await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN CNAME www.example.org.`])
  await cluster.hold(t, [
    [`${WEB} SRV`, 'NODATA'],
    [`_http._tcp.${WEB} SRV`, 'NXDOMAIN'],
  ])
  cluster.api.apply(clusterIP('web', ['10.96.0.10']))
  await cluster.become(t, web)
})

void t.test('slices of a headless Service come, change and go', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), headless('web')], zones })
  await cluster.hold(t, [gone])
  cluster.api.apply(slice('web', ['10.0.0.1']))
  await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN A 10.0.0.1`])
  cluster.api.apply(slice('web', ['10.0.0.2'], { name: 'web-2' }))
  await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN A 10.0.0.1`, `${WEB} 5 IN A 10.0.0.2`])
  cluster.api.apply(slice('web', [{ addresses: ['10.0.0.1'], conditions: { ready: false } }]))
  await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN A 10.0.0.2`])
  await cluster.become(t, [`10-0-0-1.${WEB} A`, 'NXDOMAIN'])
  await cluster.become(t, ['1.0.0.10.in-addr.arpa. PTR', `NXDOMAIN ${REVERSE} 5/5`])
  await cluster.hold(t, [['2.0.0.10.in-addr.arpa. PTR', `2.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-2.${WEB}`]])
  // The slice of another Service from now on.
  cluster.api.apply(headless('other'))
  cluster.api.apply(slice('other', ['10.0.0.2'], { name: 'web-2' }))
  await cluster.become(t, gone)
  await cluster.become(t, [`other.ns.svc.${Z} A`, `other.ns.svc.${Z} 5 IN A 10.0.0.2`])
  cluster.remove('EndpointSlice', 'web-2')
  await cluster.become(t, [`other.ns.svc.${Z} A`, 'NXDOMAIN'])
  await cluster.become(t, ['2.0.0.10.in-addr.arpa. PTR', `NXDOMAIN ${REVERSE} 5/5`])
})

void t.test(
  'an endpoint that moves from one slice to another is there all the time, and so is its Service',
  async t => {
    const db0 = { addresses: ['10.0.0.1'], hostname: 'db-0' }
    const marker = { addresses: ['10.0.0.9'], hostname: 'marker' }
    const objects = [namespace('ns'), service('db', { clusterIP: 'None', selector: { app: 'db' } }), slice('db', [db0])]
    const cluster = await Cluster.open(t, { objects, zones })
    const name = `db.ns.svc.${Z}`
    const rows: Row[] = [
      [`${name} A`, `${name} 5 IN A 10.0.0.1`],
      [`db-0.${name} A`, `db-0.${name} 5 IN A 10.0.0.1`],
      ['1.0.0.10.in-addr.arpa. PTR', `1.0.0.10.in-addr.arpa. 5 IN PTR db-0.${name}`],
    ]
    await cluster.hold(t, rows)
    const seen = rows.map(() => new Set<string>())
    for (const leave of [
      () => cluster.remove('EndpointSlice', 'db-1'),
      () => cluster.api.apply(slice('db', [], { name: 'db-2' })),
    ]) {
      leave()
      cluster.api.apply(slice('db', [db0, marker], { name: 'db-3' }))
      for (let isThere = false; !isThere; ) {
        for (const [i, [question]] of rows.entries()) seen[i].add((await cluster.ask(question)).join(' '))
        isThere = (await cluster.ask(`marker.${name} A`)).includes(`marker.${name} 5 IN A 10.0.0.9`)
      }
      cluster.api.apply(slice('db', [db0], { name: 'db-2' }))
      cluster.remove('EndpointSlice', 'db-3')
      await cluster.become(t, [`marker.${name} A`, 'NXDOMAIN'])
      await cluster.hold(t, rows)
    }
    const [ofService, ...others] = seen.map(answers => Array.from(answers))
    t.ok(
      ofService.every(answer => answer.startsWith(`${name} 5 IN A 10.0.0.1`)),
      ofService.join('; '),
    )
    t.same(
      others,
      rows.slice(1).map(([, line]) => [line]),
    )
  },
)

void t.test(
  'a headless Service whose slices nobody has told of yet is empty, and so is what may be below it',
  async t => {
    const db = service('db', { clusterIP: 'None', selector: { app: 'db' } })
    const cluster = await Cluster.open(t, { objects: [namespace('ns'), db, headless('manual')] })
    const name = `db.ns.svc.${Z}`
    await cluster.hold(t, [
      ...['A', 'AAAA', 'SRV', 'TXT'].map((type): Row => [`${name} ${type}`, 'NODATA']),
      [`db-0.${name} A`, 'NODATA'],
      [`_pg._tcp.${name} SRV`, 'NODATA'],
      // Without a selector there may never be a slice.
      [`manual.ns.svc.${Z} A`, 'NXDOMAIN'],
      [`db-0.manual.ns.svc.${Z} A`, 'NXDOMAIN'],
    ])
    cluster.api.apply(slice('db', [{ addresses: ['10.0.0.1'], hostname: 'db-0' }]))
    await cluster.become(t, [`${name} A`, `${name} 5 IN A 10.0.0.1`])
    await cluster.hold(t, [
      [`db-0.${name} A`, `db-0.${name} 5 IN A 10.0.0.1`],
      [`db-1.${name} A`, 'NXDOMAIN'],
    ])
    // With a slice that has nothing in it, all is known.
    cluster.api.apply(slice('db', []))
    await cluster.become(t, [`${name} A`, 'NXDOMAIN'])
    await cluster.become(t, [`db-0.${name} A`, 'NXDOMAIN'])
    cluster.remove('EndpointSlice', 'db-1')
    await cluster.become(t, [`${name} A`, 'NODATA'])
    cluster.remove('Service', 'db')
    await cluster.become(t, [`${name} A`, 'NXDOMAIN'])
  },
)

void t.test('but before the first list it is SERVFAIL', async t => {
  let hold: Hold | undefined
  const cluster = await Cluster.open(t, {
    objects: [
      namespace('ns'),
      service('db', { clusterIP: 'None', selector: { app: 'db' } }),
      clusterIP('web', ['10.96.0.10']),
    ],
    options: 'startup_timeout 1ms',
    prepare: api => {
      hold = api.faults.hold({ resource: 'endpointslices' })
    },
  })
  await cluster.become(t, web)
  await cluster.hold(t, [
    [`db.ns.svc.${Z} A`, 'SERVFAIL'],
    [`db-0.db.ns.svc.${Z} A`, 'SERVFAIL'],
  ])
  const client = new UdpClient(cluster.site.port)
  t.teardown(() => client.close())
  const tail = async (): Promise<string> => {
    const query = buildQuery({ name: `db.ns.svc.${Z}`, edns: { size: 1232 } })
    const [bytes] = await Promise.all([client.receive(), client.send(query)])
    return bytes.toString('hex', bytes.length - 8)
  }
  // In OPT: six octets of options, an extended error of two, Not Ready (RFC 8914 section 4.15).
  t.equal(await tail(), '0006000f0002000e')
  hold?.release()
  await cluster.become(t, [`db.ns.svc.${Z} A`, 'NODATA'])
  t.equal((await tail()).slice(-4), '0000', 'no option')
})

void t.test('a slice may be there before its Service', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), slice('web', ['10.0.0.1'])] })
  await cluster.hold(t, [gone])
  cluster.api.apply(headless('web'))
  await cluster.become(t, [`${WEB} A`, `${WEB} 5 IN A 10.0.0.1`])
})

void t.test('what is in a namespace goes with it, and comes again', async t => {
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns', { dns: 'yes' }), clusterIP('web', ['10.96.0.10']), pod('p', '10.240.0.1')],
    options: 'namespace_labels dns=yes\npods verified',
  })
  const podName = `10-240-0-1.ns.pod.${Z}`
  const podRow: Row = [`${podName} A`, `${podName} 5 IN A 10.240.0.1`]
  await cluster.hold(t, [web, podRow, [`ns.svc.${Z} A`, 'NODATA'], [`ns.pod.${Z} A`, 'NODATA']])
  // Its objects are still there, but it is no longer chosen.
  cluster.api.apply(namespace('ns', { dns: 'no' }))
  await cluster.become(t, gone)
  await cluster.hold(t, [
    [`_http._tcp.${WEB} SRV`, 'NXDOMAIN'],
    [`ns.svc.${Z} A`, 'NXDOMAIN'],
    [`ns.pod.${Z} A`, 'NXDOMAIN'],
    [`${podName} A`, 'NXDOMAIN'],
  ])
  cluster.api.apply(namespace('ns', { dns: 'yes' }))
  await cluster.become(t, web)
  await cluster.hold(t, [podRow, [`ns.svc.${Z} A`, 'NODATA']])
})

void t.test('an empty namespace exists as long as its object does', async t => {
  const cluster = await Cluster.open(t, { options: 'pods insecure' })
  const podName = `10-240-0-1.new.pod.${Z}`
  await cluster.hold(t, [
    [`new.svc.${Z} A`, 'NXDOMAIN'],
    [`${podName} A`, 'NXDOMAIN'],
  ])
  cluster.api.apply(namespace('new'))
  await cluster.become(t, [`new.svc.${Z} A`, 'NODATA'])
  await cluster.hold(t, [[`${podName} A`, `${podName} 5 IN A 10.240.0.1`]])
  cluster.remove('Namespace', 'new')
  await cluster.become(t, [`new.svc.${Z} A`, 'NXDOMAIN'])
  await cluster.hold(t, [[`${podName} A`, 'NXDOMAIN']])
})

void t.test('a Pod has its name until it is gone; one that is being deleted gets no other', async t => {
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), pod('p', '10.240.0.1')],
    options: 'pods verified',
  })
  const row = (label: string): Row => [
    `${label}.ns.pod.${Z} A`,
    `${label}.ns.pod.${Z} 5 IN A ${label.replaceAll('-', '.')}`,
  ]
  await cluster.hold(t, [row('10-240-0-1')])
  cluster.api.apply(pod('p', '10.240.0.2'))
  await cluster.become(t, row('10-240-0-2'))
  await cluster.hold(t, [[`10-240-0-1.ns.pod.${Z} A`, 'NXDOMAIN']])

  cluster.remove('Pod', 'p', 'ns', 600)
  // Written behind the deletion: when it is seen, so was that.
  cluster.api.apply(pod('marker', '10.240.0.99'))
  await cluster.become(t, row('10-240-0-99'))
  await cluster.hold(t, [row('10-240-0-2')])
  cluster.remove('Pod', 'p')
  await cluster.become(t, [`10-240-0-2.ns.pod.${Z} A`, 'NXDOMAIN'])
})

void t.test('a Pod that moves while it is being deleted loses its name', async t => {
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), pod('p', '10.240.0.1')],
    options: 'pods verified',
  })
  cluster.remove('Pod', 'p', 'ns', 600)
  const { api } = cluster
  const resource = api.store.resource('Pod')
  api.store.updateStatus(resource, {
    ...api.store.get(resource, 'ns', 'p')!,
    ...pod('p', '10.240.0.2'),
    metadata: { name: 'p', namespace: 'ns' },
  })
  await cluster.become(t, [`10-240-0-1.ns.pod.${Z} A`, 'NXDOMAIN'])
  await cluster.hold(t, [[`10-240-0-2.ns.pod.${Z} A`, 'NXDOMAIN']])
})

void t.test('Pods on one address have one name, as long as one of them is there', async t => {
  const objects = [namespace('ns'), pod('a', '10.240.0.1'), pod('b', '10.240.0.1')]
  const cluster = await Cluster.open(t, { objects, options: 'pods verified' })
  const row: Row = [`10-240-0-1.ns.pod.${Z} A`, `10-240-0-1.ns.pod.${Z} 5 IN A 10.240.0.1`]
  cluster.remove('Pod', 'a')
  cluster.api.apply(pod('marker', '10.240.0.99'))
  await cluster.become(t, [`10-240-0-99.ns.pod.${Z} A`, `10-240-0-99.ns.pod.${Z} 5 IN A 10.240.0.99`])
  await cluster.hold(t, [row])
  cluster.api.apply(pod('b', '10.240.0.1', {}, 'Succeeded'))
  await cluster.become(t, [`10-240-0-1.ns.pod.${Z} A`, 'NXDOMAIN'])
})

void t.test('a Pod that gets one more address, or loses one, has so many names', async t => {
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), pod('p', ['10.240.0.1', 'fd00::1'])],
    options: 'pods verified',
  })
  const v4: Row = [`10-240-0-1.ns.pod.${Z} A`, `10-240-0-1.ns.pod.${Z} 5 IN A 10.240.0.1`]
  const v6: Row = [`fd00--1.ns.pod.${Z} AAAA`, `fd00--1.ns.pod.${Z} 5 IN AAAA fd00::1`]
  await cluster.hold(t, [v4, v6])
  cluster.api.apply(pod('p', '10.240.0.1'))
  await cluster.become(t, [v6[0], 'NXDOMAIN'])
  await cluster.hold(t, [v4])
  cluster.api.apply(pod('p', ['10.240.0.1', 'fd00::1']))
  await cluster.become(t, v6)
  cluster.remove('Pod', 'p')
  await cluster.become(t, [v6[0], 'NXDOMAIN'])
  await cluster.hold(t, [[v4[0], 'NXDOMAIN']])
})

void t.test('before the first list a name that is not known is SERVFAIL, and right after it NXDOMAIN', async t => {
  let hold: Hold | undefined
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), clusterIP('web', ['10.96.0.10']), externalName('alias', `web.ns.svc.${Z}`)],
    zones,
    options: 'startup_timeout 1ms\npods insecure',
    prepare: api => {
      hold = api.faults.hold({ resource: 'services' })
    },
  })
  t.ok(cluster.site.log.includes('plugin/kubernetes: starting server with unsynced Kubernetes API'))
  await cluster.become(t, [`ns.svc.${Z} A`, 'NODATA'])
  await cluster.hold(t, [
    [`${WEB} A`, 'SERVFAIL'],
    [`foo.${Z} A`, 'SERVFAIL'],
    ['10.0.96.10.in-addr.arpa. PTR', `SERVFAIL ${REVERSE} 5/5`],
    // What is known is answered.
    [`${Z} A`, 'NODATA'],
    [`svc.${Z} A`, 'NODATA'],
    [`${Z} SOA`, `${Z} 5 IN SOA ns.dns.${Z} hostmaster.${Z} * 7200 1800 86400 5`],
    [`dns-version.${Z} TXT`, `dns-version.${Z} 28800 IN TXT "1.1.0"`],
    [`10-240-0-1.ns.pod.${Z} A`, `10-240-0-1.ns.pod.${Z} 5 IN A 10.240.0.1`],
  ])
  hold?.release()
  await cluster.become(t, [`foo.${Z} A`, 'NXDOMAIN'])
  await cluster.hold(t, [
    web,
    [`alias.ns.svc.${Z} A`, `alias.ns.svc.${Z} 5 IN CNAME ${WEB}`, `${WEB} 5 IN A 10.96.0.10`],
  ])
})

void t.test('an alias whose target has not been heard of is SERVFAIL, not empty', async t => {
  const target = `10-0-0-1.db.ns.svc.${Z}`
  const alias = `alias.ns.svc.${Z}`
  let hold: Hold | undefined
  const cluster = await Cluster.open(t, {
    objects: [namespace('ns'), externalName('alias', target), headless('db'), slice('db', ['10.0.0.1'])],
    options: 'startup_timeout 1ms',
    prepare: api => {
      hold = api.faults.hold({ resource: 'endpointslices' })
    },
  })
  await cluster.become(t, [`${alias} CNAME`, `${alias} 5 IN CNAME ${target}`])
  await cluster.hold(t, [[`${alias} A`, 'SERVFAIL']])
  hold?.release()
  await cluster.become(t, [`${alias} A`, `${target} 5 IN A 10.0.0.1`, `${alias} 5 IN CNAME ${target}`])
})

void t.test('before the first list, fallthrough comes first', async t => {
  const cluster = await Cluster.open(t, {
    options: 'startup_timeout 1ms\nfallthrough',
    behind: 'whoami',
    prepare: api => void api.faults.hold({ resource: 'services' }),
  })
  await cluster.hold(t, [[`foo.${Z} A`, 'next']])
})

void t.test('while the API is away everything is answered as it last was', async t => {
  const objects = [namespace('ns'), clusterIP('web', ['10.96.0.10'])]
  const cluster = await Cluster.open(t, { objects })
  await cluster.api.close()
  await cluster.hold(t, [web, [`none.ns.svc.${Z} A`, 'NXDOMAIN'], [`ns.svc.${Z} A`, 'NODATA']])
})

void t.test('the serial of the SOA moves with what the zone holds, and never before', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns')] })
  const before = Math.floor(Date.now() / 1000)
  cluster.api.apply(clusterIP('web', ['10.96.0.10']))
  await cluster.become(t, web)
  const serial = await cluster.serial(Z)
  t.ok(serial >= before && serial <= Date.now() / 1000, `${serial}`)
})
