import t from 'tap'
import type { RecordOptions } from '../../src/records/options.ts'
import { addressKey, pointerOwner, pointerRecords } from '../../src/records/pointer.ts'
import type { SlimEndpointSlice, SlimService } from '../../src/watch/slim.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { zoneLines } from './lines.ts'
import { clusterIP, OPTIONS, ORIGIN, service, slice } from './objects.ts'

interface Row {
  readonly title: string
  readonly address: string
  readonly services?: SlimService[]
  readonly slices?: SlimEndpointSlice[]
  readonly options?: Partial<RecordOptions>
  /** What the address points to. */
  readonly targets: string[]
}

const OWNER = parseName('1.0.0.10.in-addr.arpa.')!
const BASE = 'web.ns.svc.cluster.local.'

const rows: Row[] = [
  {
    title: 'a cluster IP points to its Service',
    address: '10.0.0.1',
    services: [clusterIP(['10.0.0.1'])],
    targets: [BASE],
  },
  {
    title: 'of several Services with one cluster IP the first by name counts',
    address: '10.0.0.1',
    services: ['c', 'a', 'b'].map(name => clusterIP(['10.0.0.1'], [], name)),
    targets: ['a.ns.svc.cluster.local.'],
  },
  {
    title: 'a Service goes before endpoints',
    address: '10.0.0.1',
    services: [clusterIP(['10.0.0.1'])],
    slices: [slice(['10.0.0.1'])],
    targets: [BASE],
  },
  {
    title: 'an endpoint points to its name, once for each distinct one',
    address: '10.0.0.1',
    slices: [
      slice(['10.0.0.1', '10.0.0.2', { addresses: ['10.0.0.1'], hostname: 'b' }]),
      slice([{ addresses: ['10.0.0.1'], hostname: 'B' }]),
      slice(['10.0.0.1'], [], { 'kubernetes.io/service-name': 'other' }),
    ],
    targets: ['10-0-0-1.other.ns.svc.cluster.local.', `10-0-0-1.${BASE}`, `b.${BASE}`],
  },
  {
    title: 'endpoints that are not ready have no pointer',
    address: '10.0.0.1',
    slices: [slice([{ addresses: ['10.0.0.1'], conditions: { ready: false } }])],
    targets: [],
  },
  {
    title: 'endpoint_pod_names counts here too',
    address: '10.0.0.1',
    slices: [slice([{ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'web-0' } }])],
    options: { endpointPodNames: true },
    targets: [`web-0.${BASE}`],
  },
  {
    title: 'an IPv6 address is found in each of its spellings',
    address: 'fd00::1',
    slices: [slice(['FD00:0:0::1'])],
    targets: [`fd00-0-0--1.${BASE}`],
  },
  {
    title: 'a host name that is no label is no target',
    address: '10.0.0.1',
    slices: [slice([{ addresses: ['10.0.0.1'], hostname: 'a.b' }])],
    targets: [],
  },
  {
    title: 'nor is a Service whose name is none: its endpoints are then asked',
    address: '10.0.0.1',
    services: [service({ clusterIP: '10.0.0.1' }, 'a.b')],
    slices: [slice(['10.0.0.1'])],
    targets: [`10-0-0-1.${BASE}`],
  },
  {
    title: 'with `ptr hostname`, an endpoint without a host name has no pointer',
    address: '10.0.0.1',
    slices: [
      slice([{ addresses: ['10.0.0.1'], hostname: 'b' }]),
      slice(['10.0.0.1'], [], { 'kubernetes.io/service-name': 'other' }),
      slice([{ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'web-0' } }]),
    ],
    options: { ptr: 'hostname', endpointPodNames: true },
    targets: [`b.${BASE}`],
  },
  { title: 'an address that nobody has', address: '10.0.0.1', targets: [] },
]

for (const { title, address, services = [], slices = [], options, targets } of rows) {
  void t.test(title, async t => {
    const octets = parseAddress(address)!
    const records = pointerRecords(octets, OWNER, services, slices, ORIGIN, { ...OPTIONS, ...options })
    t.same(
      records ? zoneLines([records]) : [],
      targets.map(target => `1.0.0.10.in-addr.arpa. 5 IN PTR ${target}`),
    )
  })
}

void t.test('an address has an owner where a zone holds its whole reverse name', async t => {
  const zones = ['0.10.in-addr.arpa.', '0.0.d.f.ip6.arpa.', '2.0.0.192.in-addr.arpa.'].map(zone => parseName(zone)!)
  for (const [address, owner] of [
    ['10.0.2.3', '3.2.0.10.in-addr.arpa.'],
    ['10.1.2.3', undefined],
    ['110.0.2.3', undefined],
    ['192.0.0.2', '2.0.0.192.in-addr.arpa.'],
    ['192.0.0.20', undefined],
    ['fd00::1', `1.${'0.'.repeat(27)}0.0.d.f.ip6.arpa.`],
    ['fd01::1', undefined],
  ] as const) {
    const found = pointerOwner(parseAddress(address)!, zones)
    t.equal(found && formatName(found), owner, address)
  }
})

void t.test('addresses are told apart by their octets, not by their text', async t => {
  t.equal(addressKey('FD00:0::1'), addressKey('fd00::1'))
  t.not(addressKey('::10.0.0.1'), addressKey('10.0.0.1'))
  for (const text of ['', 'None', '10.0.0.01', 'example.org']) t.equal(addressKey(text), undefined, text)
})
