import t from 'tap'
import { Cluster, type Row } from './cluster.ts'
import { clusterIP, namespace, pod } from './objects.ts'

const P = 'pod.cluster.local.'
const web = clusterIP('web', ['10.96.0.10'])

/** Addresses in dashes: each is an address of its family, under both modes. */
const ADDRESSES: [label: string, address: string][] = [
  ['10-240-0-1', '10.240.0.1'],
  ['0-0-0-0', '0.0.0.0'],
  ['255-255-255-255', '255.255.255.255'],
  ['1-2-3-4-5-6-7-8', '1:2:3:4:5:6:7:8'],
  ['fd00--1', 'fd00::1'],
  ['1-2-3--8', '1:2:3::8'],
  // Three dashes, but two of them together.
  ['10-240--1', '10:240::1'],
  ['--1', '::1'],
  ['1234--', '1234::'],
  ['1-2-3-4-5-6-7--', '1:2:3:4:5:6:7:0'],
  ['--2-3-4-5-6-7-8', '0:2:3:4:5:6:7:8'],
  ['--', '::'],
]

const BAD = [
  'web',
  '10',
  '10-240-0',
  '10-240-0-256',
  '10-240-0-01',
  '10-240-0-1-1',
  '-10-240-0-1',
  '10-240-0-1-',
  '1000-1-1-1',
  '1---2',
  '1--2--3',
  '1-2-3-4-5-6-7',
  '1-2-3-4-5-6-7-8-9',
  '1-2-3-4-5-6-7-8--',
  '--1-2-3-4-5-6-7-8',
  'fd00--12345',
  'fd00--g',
  '-1--2',
  '1--2-',
  '-',
  '---',
]

function present([label, address]: [string, string], namespace = 'ns'): Row[] {
  const name = `${label}.${namespace}.${P}`
  const [type, other] = address.includes(':') ? ['AAAA', 'A'] : ['A', 'AAAA']
  return [
    [`${name} ${type}`, `${name} 5 IN ${type} ${address}`],
    [`${name} ${other}`, 'NODATA'],
    [`${name} SRV`, `${name} 5 IN SRV 0 100 0 ${name}`, `; ${name} 5 IN ${type} ${address}`],
    ...['TXT', 'MX', 'CNAME', 'PTR', 'ANY', 'SOA', 'NS'].map((type): Row => [`${name} ${type}`, 'NODATA']),
    // Labels in front do not count, up to two.
    [`x.${name} ${type}`, `x.${name} 5 IN ${type} ${address}`],
    [`_x._tcp.${name} ${type}`, `_x._tcp.${name} 5 IN ${type} ${address}`],
    [`x.${name} ${other}`, 'NODATA'],
    [`x.${name} SRV`, `x.${name} 5 IN SRV 0 100 0 ${name}`, `; ${name} 5 IN ${type} ${address}`],
    [`x.y.z.${name} ${type}`, 'NXDOMAIN'],
  ]
}

const absent = (name: string): Row[] => ['A', 'AAAA', 'SRV', 'TXT'].map(type => [`${name} ${type}`, 'NXDOMAIN'])

void t.test('pods disabled: nothing is below the category', async t => {
  for (const options of ['', 'pods disabled']) {
    const cluster = await Cluster.open(t, { objects: [namespace('ns'), pod('a', '10.240.0.1')], options })
    await cluster.hold(t, [
      [`${P} A`, 'NODATA'],
      ...absent(`ns.${P}`),
      ...absent(`10-240-0-1.ns.${P}`),
      ...absent(`x.10-240-0-1.ns.${P}`),
    ])
  }
})

void t.test('pods insecure: every address has a name where the namespace is there', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), web], options: 'pods insecure' })
  await cluster.hold(t, [
    ...ADDRESSES.flatMap(address => present(address)),
    ...BAD.flatMap(label => absent(`${label}.ns.${P}`)),
    ...absent(`10-240-0-1.none.${P}`),
    ...absent(`none.${P}`),
    [`ns.${P} A`, 'NODATA'],
    [`ns.${P} SRV`, 'NODATA'],
    [`${P} A`, 'NODATA'],
    // An address is a Pod's name only below `pod`.
    ['10-240-0-1.ns.svc.cluster.local. A', 'NXDOMAIN'],
  ])
})

void t.test('pods insecure: a namespace that is not served has none', async t => {
  const objects = [namespace('ns'), namespace('other')]
  const cluster = await Cluster.open(t, { objects, options: 'pods insecure\nnamespaces ns' })
  await cluster.hold(t, [
    [`10-240-0-1.ns.${P} A`, `10-240-0-1.ns.${P} 5 IN A 10.240.0.1`],
    ...absent(`10-240-0-1.other.${P}`),
  ])
})

/** Those of the addresses that a Pod can have, as the API spells them. */
const POD_ADDRESSES = ADDRESSES.filter(([label]) => ['10-240-0-1', 'fd00--1', '1-2-3--8', '1234--'].includes(label))

void t.test('pods verified: each address of a living Pod of the namespace has a name, no other', async t => {
  const objects = [
    namespace('ns'),
    namespace('other'),
    ...POD_ADDRESSES.map(([, address], i) => pod(`p${i}`, address)),
    pod('done', '10.240.0.7', {}, 'Succeeded'),
    pod('failed', '10.240.0.8', {}, 'Failed'),
    pod('waiting', '', {}, 'Pending'),
    pod('both', ['10.240.0.9', 'fd00::9']),
    // On the network of its node, as another there.
    pod('host-1', '10.240.0.10'),
    pod('host-2', '10.240.0.10'),
  ]
  const cluster = await Cluster.open(t, { objects, options: 'pods verified' })
  await cluster.hold(t, [
    ...POD_ADDRESSES.flatMap(address => present(address)),
    ...present(['10-240-0-9', '10.240.0.9']),
    ...present(['fd00--9', 'fd00::9']),
    ...present(['10-240-0-10', '10.240.0.10']),
    ...absent(`10-240-0-1.other.${P}`),
    ...absent(`10-240-0-2.ns.${P}`),
    ...absent(`10-240-0-7.ns.${P}`),
    ...absent(`10-240-0-8.ns.${P}`),
    [`ns.${P} A`, 'NODATA'],
    [`other.${P} A`, 'NODATA'],
    ...absent(`none.${P}`),
  ])
})
