import t from 'tap'
import { importedService } from '../../src/records/import.ts'
import type { RecordOptions } from '../../src/records/options.ts'
import { serviceRecords } from '../../src/records/service.ts'
import type { SlimEndpointSlice, SlimService } from '../../src/watch/slim.ts'
import { addresses, clusterIP, headless, http, OPTIONS, ORIGIN, service, serviceImport, slice } from './objects.ts'
import { zoneLines } from './lines.ts'

interface Row {
  readonly title: string
  readonly service: SlimService
  readonly slices?: SlimEndpointSlice[]
  readonly options?: Partial<RecordOptions>
  /** Without the ending `.ns.svc.cluster.local.` on names, `@` for `web` itself. */
  readonly lines: string[]
}

const BASE = 'web.ns.svc.cluster.local.'
const records = ({ service, slices = [], options }: Omit<Row, 'title' | 'lines'>): string[] =>
  zoneLines(serviceRecords(service, slices, ORIGIN, { ...OPTIONS, ...options }))

/** `@` stands for the Service's name, `x.@` for one below it. */
const expand = (line: string): string => line.replaceAll('@', BASE)

function hold(rows: readonly Row[]): void {
  for (const { title, lines, ...input } of rows) {
    void t.test(title, async t => void t.same(records(input), lines.map(expand)))
  }
}

const v4 = '10.96.0.10'
const v6 = 'fd00:10:96::a'
const dns = [
  { name: 'dns', port: 53, protocol: 'UDP' },
  { name: 'dns-tcp', port: 53, protocol: 'TCP' },
]

// Services with a cluster IP.
hold([
  {
    title: 'a ClusterIP Service has its address, SRV for its port at its own name and at _port._protocol',
    service: clusterIP([v4]),
    lines: [
      '@ 5 IN A 10.96.0.10',
      '@ 5 IN SRV 0 100 80 @',
      '; @ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN SRV 0 100 80 @',
      '; @ 5 IN A 10.96.0.10',
    ],
  },
  {
    title: 'a dual-stack Service with one port has one SRV of weight 50, and both addresses beside it',
    service: clusterIP([v4, v6]),
    lines: [
      '@ 5 IN A 10.96.0.10',
      '@ 5 IN AAAA fd00:10:96::a',
      '@ 5 IN SRV 0 50 80 @',
      '; @ 5 IN A 10.96.0.10',
      '; @ 5 IN AAAA fd00:10:96::a',
      '_http._tcp.@ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN AAAA fd00:10:96::a',
      '_http._tcp.@ 5 IN SRV 0 50 80 @',
      '; @ 5 IN A 10.96.0.10',
      '; @ 5 IN AAAA fd00:10:96::a',
    ],
  },
  ...['NodePort', 'LoadBalancer', 'SomethingNewer'].map(type => ({
    title: `a ${type} Service has the names of its cluster IP`,
    service: service({ type, clusterIP: v4, clusterIPs: [v4], ports: [{ port: 80, nodePort: 30_080 }] }),
    lines: ['@ 5 IN A 10.96.0.10', '@ 5 IN SRV 0 100 80 @', '; @ 5 IN A 10.96.0.10'],
  })),
  {
    title: 'a Service without ports has an address and no SRV',
    service: clusterIP([v4], []),
    lines: ['@ 5 IN A 10.96.0.10'],
  },
  {
    title: 'a port without a name has SRV at the bare name only',
    service: clusterIP([v4], [{ port: 80 }]),
    lines: ['@ 5 IN A 10.96.0.10', '@ 5 IN SRV 0 100 80 @', '; @ 5 IN A 10.96.0.10'],
  },
  {
    title: 'two ports of the same number are one SRV of weight 50 at the bare name, and one each at their own',
    service: clusterIP([v4], dns),
    lines: [
      '@ 5 IN A 10.96.0.10',
      '@ 5 IN SRV 0 50 53 @',
      '; @ 5 IN A 10.96.0.10',
      '_dns._udp.@ 5 IN A 10.96.0.10',
      '_dns._udp.@ 5 IN SRV 0 100 53 @',
      '; @ 5 IN A 10.96.0.10',
      '_dns-tcp._tcp.@ 5 IN A 10.96.0.10',
      '_dns-tcp._tcp.@ 5 IN SRV 0 100 53 @',
      '; @ 5 IN A 10.96.0.10',
    ],
  },
  {
    title: 'one port name on two protocols is two names',
    service: clusterIP([v4], [http, { ...http, protocol: 'SCTP' }]),
    lines: [
      '@ 5 IN A 10.96.0.10',
      '@ 5 IN SRV 0 50 80 @',
      '; @ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN SRV 0 100 80 @',
      '; @ 5 IN A 10.96.0.10',
      '_http._sctp.@ 5 IN A 10.96.0.10',
      '_http._sctp.@ 5 IN SRV 0 100 80 @',
      '; @ 5 IN A 10.96.0.10',
    ],
  },
  {
    title: 'the endpoints of a Service that is not headless have names too',
    service: clusterIP([v4], []),
    slices: [slice(['10.0.0.1', { addresses: ['10.0.0.2'], hostname: 'b' }])],
    lines: [
      '@ 5 IN A 10.96.0.10',
      '10-0-0-1.@ 5 IN A 10.0.0.1',
      '10-0-0-1.@ 5 IN SRV 0 100 80 10-0-0-1.@',
      '; 10-0-0-1.@ 5 IN A 10.0.0.1',
      'b.@ 5 IN A 10.0.0.2',
      'b.@ 5 IN SRV 0 100 80 b.@',
      '; b.@ 5 IN A 10.0.0.2',
    ],
  },
  {
    title: 'a Service that waits for its address does not exist, nor do names below it',
    service: service({ type: 'ClusterIP', ports: [http] }),
    slices: [slice(['10.0.0.1'])],
    lines: [],
  },
  {
    title: 'what is no address is left out',
    service: clusterIP([v4, 'nonsense', ''], []),
    lines: ['@ 5 IN A 10.96.0.10'],
  },
  {
    title: 'the TTL is that of the option, in every record',
    service: clusterIP([v4], [{ port: 80 }]),
    options: { ttlSeconds: 3600 },
    lines: ['@ 3600 IN A 10.96.0.10', '@ 3600 IN SRV 0 100 80 @', '; @ 3600 IN A 10.96.0.10'],
  },
])

// Headless Services.
hold([
  {
    title: 'a headless Service has the addresses of its ready endpoints, and SRV for each port of their slice',
    service: headless(),
    slices: [
      slice([
        '10.0.0.1',
        { addresses: ['10.0.0.2'], hostname: 'b', conditions: { ready: true } },
        { addresses: ['10.0.0.3'], conditions: { ready: false, serving: true } },
        { addresses: ['10.0.0.4'], conditions: {} },
      ]),
    ],
    lines: [
      '@ 5 IN A 10.0.0.1',
      '@ 5 IN A 10.0.0.2',
      '@ 5 IN A 10.0.0.4',
      '@ 5 IN SRV 0 33 80 10-0-0-1.@',
      '@ 5 IN SRV 0 33 80 10-0-0-4.@',
      '@ 5 IN SRV 0 33 80 b.@',
      '; 10-0-0-1.@ 5 IN A 10.0.0.1',
      '; 10-0-0-4.@ 5 IN A 10.0.0.4',
      '; b.@ 5 IN A 10.0.0.2',
      '_http._tcp.@ 5 IN A 10.0.0.1',
      '_http._tcp.@ 5 IN A 10.0.0.2',
      '_http._tcp.@ 5 IN A 10.0.0.4',
      '_http._tcp.@ 5 IN SRV 0 33 80 10-0-0-1.@',
      '_http._tcp.@ 5 IN SRV 0 33 80 10-0-0-4.@',
      '_http._tcp.@ 5 IN SRV 0 33 80 b.@',
      '; 10-0-0-1.@ 5 IN A 10.0.0.1',
      '; 10-0-0-4.@ 5 IN A 10.0.0.4',
      '; b.@ 5 IN A 10.0.0.2',
      '10-0-0-1.@ 5 IN A 10.0.0.1',
      '10-0-0-1.@ 5 IN SRV 0 100 80 10-0-0-1.@',
      '; 10-0-0-1.@ 5 IN A 10.0.0.1',
      'b.@ 5 IN A 10.0.0.2',
      'b.@ 5 IN SRV 0 100 80 b.@',
      '; b.@ 5 IN A 10.0.0.2',
      '10-0-0-4.@ 5 IN A 10.0.0.4',
      '10-0-0-4.@ 5 IN SRV 0 100 80 10-0-0-4.@',
      '; 10-0-0-4.@ 5 IN A 10.0.0.4',
    ],
  },
  {
    title: 'several slices of a headless Service are one answer, in which an address is once',
    service: headless(),
    slices: [slice(['10.0.0.1', 'fd00::1'], []), slice(['10.0.0.1', '10.0.0.2'], []), slice(['fd00::1'], [])],
    lines: [
      '@ 5 IN A 10.0.0.1',
      '@ 5 IN A 10.0.0.2',
      '@ 5 IN AAAA fd00::1',
      '10-0-0-1.@ 5 IN A 10.0.0.1',
      'fd00--1.@ 5 IN AAAA fd00::1',
      '10-0-0-2.@ 5 IN A 10.0.0.2',
    ],
  },
  {
    title: 'endpoints with the same host name share it, however it is spelt',
    service: headless(),
    slices: [
      slice(
        [
          { addresses: ['10.0.0.1'], hostname: 'a' },
          { addresses: ['10.0.0.2'], hostname: 'A' },
        ],
        [],
      ),
      slice([{ addresses: ['fd00::1'], hostname: 'a' }], []),
    ],
    lines: [
      '@ 5 IN A 10.0.0.1',
      '@ 5 IN A 10.0.0.2',
      '@ 5 IN AAAA fd00::1',
      'a.@ 5 IN A 10.0.0.1',
      'a.@ 5 IN A 10.0.0.2',
      'a.@ 5 IN AAAA fd00::1',
    ],
  },
  {
    title: 'an endpoint with several addresses has a record for each',
    service: headless(),
    slices: [slice([{ addresses: ['10.0.0.1', '10.0.0.2'], hostname: 'a' }], [])],
    lines: ['@ 5 IN A 10.0.0.1', '@ 5 IN A 10.0.0.2', 'a.@ 5 IN A 10.0.0.1', 'a.@ 5 IN A 10.0.0.2'],
  },
  {
    title: 'an IPv6 address is once however it is spelt, under the name of each spelling',
    service: headless(),
    slices: [slice(['fd00::1', 'fd00:0::1', 'FD00::1', '1234::', '::1'], [])],
    lines: [
      '@ 5 IN AAAA 1234::',
      '@ 5 IN AAAA ::1',
      '@ 5 IN AAAA fd00::1',
      'fd00--1.@ 5 IN AAAA fd00::1',
      'fd00-0--1.@ 5 IN AAAA fd00::1',
      '1234--0.@ 5 IN AAAA 1234::',
      '--1.@ 5 IN AAAA ::1',
    ],
  },
  {
    title: 'a headless Service without a ready endpoint has no name',
    service: headless([http]),
    slices: [slice([{ addresses: ['10.0.0.1'], conditions: { ready: false } }]), slice([])],
    lines: [],
  },
  { title: 'a headless Service without a slice has no name', service: headless([http]), lines: [] },
  {
    title: 'with endpoints of one family alone there is one type of address',
    service: headless(),
    slices: [slice(['fd00::1'], [])],
    lines: ['@ 5 IN AAAA fd00::1', 'fd00--1.@ 5 IN AAAA fd00::1'],
  },
  {
    title: 'a port without a number, which stands for all, has addresses and no SRV',
    service: headless(),
    slices: [slice(['10.0.0.1'], [{ name: 'any', port: null, protocol: 'TCP' }])],
    lines: ['@ 5 IN A 10.0.0.1', '_any._tcp.@ 5 IN A 10.0.0.1', '10-0-0-1.@ 5 IN A 10.0.0.1'],
  },
  {
    title: 'the ports of a headless Service come from its slices, not from the Service',
    service: headless([{ name: 'ignored', port: 1 }]),
    slices: [slice(['10.0.0.1'], [{ port: 8080 }])],
    lines: [
      '@ 5 IN A 10.0.0.1',
      '@ 5 IN SRV 0 100 8080 10-0-0-1.@',
      '; 10-0-0-1.@ 5 IN A 10.0.0.1',
      '10-0-0-1.@ 5 IN A 10.0.0.1',
      '10-0-0-1.@ 5 IN SRV 0 100 8080 10-0-0-1.@',
      '; 10-0-0-1.@ 5 IN A 10.0.0.1',
    ],
  },
  {
    title: 'endpoints that are no addresses are left out',
    service: headless(),
    slices: [slice(['host.example.org', '10.0.0.256', '10.0.0.1'], [])],
    lines: ['@ 5 IN A 10.0.0.1', '10-0-0-1.@ 5 IN A 10.0.0.1'],
  },
  ...['a.b', 'x'.repeat(64), 'a b', 'ä', '_tcp', '\0', '*'].map(hostname => ({
    title: `a host name that is no label (${JSON.stringify(hostname)}) has no name and no SRV; the address is served`,
    service: headless(),
    slices: [slice([{ addresses: ['10.0.0.1'], hostname }])],
    lines: ['@ 5 IN A 10.0.0.1', '_http._tcp.@ 5 IN A 10.0.0.1'],
  })),
  {
    title: 'an empty host name is none, and an upper-case one is folded',
    service: headless(),
    slices: [
      slice(
        [
          { addresses: ['10.0.0.1'], hostname: '' },
          { addresses: ['10.0.0.2'], hostname: 'WEB-0' },
        ],
        [],
      ),
    ],
    lines: ['@ 5 IN A 10.0.0.1', '@ 5 IN A 10.0.0.2', '10-0-0-1.@ 5 IN A 10.0.0.1', 'web-0.@ 5 IN A 10.0.0.2'],
  },
])

// Names of endpoints after their Pods.
const podNames = ['web-0', 'x'.repeat(63), 'x'.repeat(64), 'web.0', ''].map((name, i) => ({
  addresses: [`10.0.0.${i + 1}`],
  targetRef: { kind: 'Pod', name },
}))
hold([
  {
    title: 'with endpoint_pod_names an endpoint is named after its Pod, unless that is no label',
    service: headless(),
    slices: [
      slice(
        [
          ...podNames,
          { addresses: ['10.0.0.6'], hostname: 'h', targetRef: { kind: 'Pod', name: 'p' } },
          { addresses: ['10.0.0.7'], targetRef: { kind: 'Node', name: 'n' } },
        ],
        [],
      ),
    ],
    options: { endpointPodNames: true },
    lines: [
      ...[1, 2, 3, 4, 5, 6, 7].map(n => `@ 5 IN A 10.0.0.${n}`),
      'web-0.@ 5 IN A 10.0.0.1',
      `${'x'.repeat(63)}.@ 5 IN A 10.0.0.2`,
      '10-0-0-3.@ 5 IN A 10.0.0.3',
      '10-0-0-4.@ 5 IN A 10.0.0.4',
      '10-0-0-5.@ 5 IN A 10.0.0.5',
      'h.@ 5 IN A 10.0.0.6',
      '10-0-0-7.@ 5 IN A 10.0.0.7',
    ],
  },
  {
    title: 'without it the Pod has no say',
    service: headless(),
    slices: [slice([podNames[0]], [])],
    lines: ['@ 5 IN A 10.0.0.1', '10-0-0-1.@ 5 IN A 10.0.0.1'],
  },
])

// ExternalName.
const external = (externalName: string): SlimService => service({ type: 'ExternalName', externalName, ports: [http] })
hold([
  ...['www.example.org', 'www.example.org.'].map(name => ({
    title: `an ExternalName Service (${name}) is a CNAME, whatever else it has`,
    service: service({ type: 'ExternalName', externalName: name, clusterIPs: [v4], ports: [http] }),
    slices: [slice(['10.0.0.1'])],
    lines: ['@ 5 IN CNAME www.example.org.'],
  })),
  {
    title: 'the target of an ExternalName Service keeps its spelling',
    service: external('WWW.Example.org'),
    lines: ['@ 5 IN CNAME WWW.Example.org.'],
  },
  ...['10.0.0.1', 'fd00::1', '', '.', 'a..b', `${'x'.repeat(64)}.org`, 'abcdefg.'.repeat(32)].map(name => ({
    title: `an ExternalName Service without a host name (${name.slice(0, 20)}) does not exist`,
    service: external(name),
    lines: [],
  })),
])

// Options that leave Services or endpoints out.
hold([
  {
    title: 'noendpoints: endpoints have no names',
    service: clusterIP([v4], []),
    slices: [slice(['10.0.0.1'])],
    options: { noEndpoints: true },
    lines: ['@ 5 IN A 10.96.0.10'],
  },
  {
    title: 'noendpoints: a headless Service has no name',
    service: headless(),
    slices: [slice(['10.0.0.1'])],
    options: { noEndpoints: true },
    lines: [],
  },
  {
    title: 'noendpoints with ignore empty_service leaves nothing of a ClusterIP Service',
    service: clusterIP([v4]),
    slices: [slice(['10.0.0.1'])],
    options: { noEndpoints: true, ignoreEmptyService: true },
    lines: [],
  },
  {
    title: 'ignore empty_service: a Service without a ready endpoint does not exist',
    service: clusterIP([v4]),
    slices: [slice([{ addresses: ['10.0.0.1'], conditions: { ready: false } }])],
    options: { ignoreEmptyService: true },
    lines: [],
  },
  {
    title: 'ignore empty_service: with one it does',
    service: clusterIP([v4], []),
    slices: [slice(['10.0.0.1'], [])],
    options: { ignoreEmptyService: true },
    lines: ['@ 5 IN A 10.96.0.10', '10-0-0-1.@ 5 IN A 10.0.0.1'],
  },
  {
    title: 'ignore empty_service does not touch ExternalName',
    service: external('example.org'),
    options: { ignoreEmptyService: true },
    lines: ['@ 5 IN CNAME example.org.'],
  },
])

// Services of a ClusterSet.
const imported = (cluster: string): object => ({
  'multicluster.kubernetes.io/service-name': 'web',
  'multicluster.kubernetes.io/source-cluster': cluster,
})
hold([
  {
    title: 'an imported Service has the addresses of the ClusterSet',
    service: importedService(serviceImport({ type: 'ClusterSetIP', ips: [v4], ports: [http] })),
    options: { isMulticluster: true },
    lines: [
      '@ 5 IN A 10.96.0.10',
      '@ 5 IN SRV 0 100 80 @',
      '; @ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN A 10.96.0.10',
      '_http._tcp.@ 5 IN SRV 0 100 80 @',
      '; @ 5 IN A 10.96.0.10',
    ],
  },
  {
    title: 'endpoints of a headless import are named by host and cluster',
    service: importedService(serviceImport({ type: 'Headless', ports: [http] })),
    slices: [
      slice([{ addresses: ['10.0.0.1'], hostname: 'a' }], [], imported('c1')),
      slice([{ addresses: ['10.0.0.2'], hostname: 'a' }], [], imported('c2')),
    ],
    options: { isMulticluster: true },
    lines: ['@ 5 IN A 10.0.0.1', '@ 5 IN A 10.0.0.2', 'a.c1.@ 5 IN A 10.0.0.1', 'a.c2.@ 5 IN A 10.0.0.2'],
  },
  {
    title: 'an endpoint of no cluster has no name',
    service: importedService(serviceImport({ type: 'Headless' })),
    slices: [slice(['10.0.0.1'], [], imported(''))],
    options: { isMulticluster: true },
    lines: ['@ 5 IN A 10.0.0.1'],
  },
])

void t.test('a Service whose name or namespace is no label has no records', async t => {
  for (const [name, namespace] of [
    ['a.b', 'ns'],
    ['web', 'a.b'],
    ['', 'ns'],
    ['web', ''],
    ['x'.repeat(64), 'ns'],
  ]) {
    const made = { ...clusterIP([v4]), name, namespace }
    t.same(records({ service: made }), [], `${name}/${namespace}`)
  }
})

void t.test('names that would be longer than 255 octets are left out, the others stay', async t => {
  const labels = imported('c'.repeat(63))
  const slices = [slice([{ addresses: ['10.0.0.1'], hostname: 'z'.repeat(63) }], [], labels)]
  const [name, namespace] = ['x'.repeat(63), 'y'.repeat(63)]
  const lines = records({ service: { ...headless(), name, namespace }, slices, options: { isMulticluster: true } })
  t.same(lines, [`${name}.${namespace}.svc.cluster.local. 5 IN A 10.0.0.1`])
})

void t.test('the weight of an SRV is 100 over the number of items, rounded down, at least 1', async t => {
  for (const [count, weight] of [
    [1, 100],
    [2, 50],
    [3, 33],
    [7, 14],
    [29, 3],
    [50, 2],
    [51, 1],
    [100, 1],
    [101, 1],
    [1000, 1],
  ]) {
    const lines = records({ service: headless(), slices: [slice(addresses(count))] })
    const srv = lines.filter(line => line.startsWith(`${BASE} 5 IN SRV `))
    t.equal(srv.length, count)
    t.ok(
      srv.every(line => line.includes(` SRV 0 ${weight} 80 `)),
      `${count} endpoints: ${srv[0]}`,
    )
  }
})

void t.test('the weight counts the items of all slices, those without a port too', async t => {
  const slices = [slice(['10.0.0.1', '10.0.0.2']), slice(['10.0.0.3'], [])]
  const lines = records({ service: headless(), slices })
  t.same(
    lines.filter(line => line.startsWith(`${BASE} 5 IN SRV`)),
    ['10-0-0-1', '10-0-0-2'].map(host => `${BASE} 5 IN SRV 0 33 80 ${host}.${BASE}`),
  )
})
