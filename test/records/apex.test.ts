import t from 'tap'
import { type FrontService, nameServerRecords, versionRecords } from '../../src/records/apex.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { parseName } from '../../src/wire/name.ts'
import { zoneLines } from './lines.ts'
import { clusterIP, headless, OPTIONS, ORIGIN, service, slice } from './objects.ts'

const local = (...texts: string[]): Uint8Array[] => texts.map(text => parseAddress(text)!)
const BASE = 'web.ns.svc.cluster.local.'

/** A server at 10.0.0.1 and fd00::1 with nothing in front of it. */
const OWN = [
  'cluster.local. 5 IN NS ns.dns.cluster.local.',
  '; ns.dns.cluster.local. 5 IN A 10.0.0.1',
  '; ns.dns.cluster.local. 5 IN AAAA fd00::1',
  'ns.dns.cluster.local. 5 IN A 10.0.0.1',
  'ns.dns.cluster.local. 5 IN AAAA fd00::1',
]

const rows: { title: string; front?: FrontService[]; addresses: Uint8Array[]; lines: string[] }[] = [
  {
    title: 'behind a Service with a cluster IP, that is the name server',
    front: [{ service: clusterIP(['10.96.0.10', 'fd00::a']), slices: [slice(['10.0.0.1'])] }],
    addresses: local('10.0.0.1'),
    lines: [
      `cluster.local. 5 IN NS ${BASE}`,
      `; ${BASE} 5 IN A 10.96.0.10`,
      `; ${BASE} 5 IN AAAA fd00::a`,
      'ns.dns.cluster.local. 5 IN A 10.96.0.10',
      'ns.dns.cluster.local. 5 IN AAAA fd00::a',
    ],
  },
  {
    title: 'behind a headless Service, each ready endpoint of its slices is one',
    front: [{ service: headless(), slices: [slice(['10.0.0.1', { addresses: ['10.0.0.2'], hostname: 'b' }])] }],
    addresses: local('10.0.0.1'),
    lines: [
      `cluster.local. 5 IN NS 10-0-0-1.${BASE}`,
      `cluster.local. 5 IN NS b.${BASE}`,
      `; 10-0-0-1.${BASE} 5 IN A 10.0.0.1`,
      `; b.${BASE} 5 IN A 10.0.0.2`,
      'ns.dns.cluster.local. 5 IN A 10.0.0.1',
      'ns.dns.cluster.local. 5 IN A 10.0.0.2',
    ],
  },
  {
    title: 'behind two Services, both are',
    front: ['a', 'b'].map((name, i) => ({ service: clusterIP([`10.96.0.${i}`], [], name), slices: [] })),
    addresses: local('10.0.0.1'),
    lines: [
      'cluster.local. 5 IN NS a.ns.svc.cluster.local.',
      'cluster.local. 5 IN NS b.ns.svc.cluster.local.',
      '; a.ns.svc.cluster.local. 5 IN A 10.96.0.0',
      '; b.ns.svc.cluster.local. 5 IN A 10.96.0.1',
      'ns.dns.cluster.local. 5 IN A 10.96.0.0',
      'ns.dns.cluster.local. 5 IN A 10.96.0.1',
    ],
  },
  {
    title: 'without a Service it is ns.dns at the addresses of the server',
    addresses: local('10.0.0.1', 'fd00::1'),
    lines: OWN,
  },
  {
    title: 'so it is behind a Service that waits for its address',
    front: [{ service: service({ type: 'ClusterIP' }), slices: [slice(['10.0.0.1'])] }],
    addresses: local('10.0.0.1', 'fd00::1'),
    lines: OWN,
  },
  { title: 'without Service and address there is no name server', addresses: [], lines: [] },
]

for (const { title, front = [], addresses, lines } of rows) {
  void t.test(title, async t => {
    const records = nameServerRecords(ORIGIN, front, addresses, OPTIONS)
    t.same(zoneLines(records), lines)
    t.equal(records.length, 2, 'the apex and ns.dns exist in any case')
  })
}

void t.test('dns-version tells the version of the specification, for 28,800 seconds', async t => {
  const reverse = parseName('10.in-addr.arpa.')!
  t.same(zoneLines([versionRecords(ORIGIN), versionRecords(reverse)]), [
    'dns-version.cluster.local. 28800 IN TXT "1.1.0"',
    'dns-version.10.in-addr.arpa. 28800 IN TXT "1.1.0"',
  ])
})
