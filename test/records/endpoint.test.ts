import t from 'tap'
import { endpointItems, endpointLabel } from '../../src/records/endpoint.ts'
import { NO_PORT } from '../../src/records/item.ts'
import { serviceName } from '../../src/records/service.ts'
import { formatName } from '../../src/wire/name.ts'
import { http, OPTIONS, ORIGIN, slice } from './objects.ts'

void t.test('a label is made of each kind of address', async t => {
  const { endpoints } = slice(['ignored'])
  for (const [address, label] of [
    ['10.0.0.1', '10-0-0-1'],
    ['fd00::1', 'fd00--1'],
    ['::1', '--1'],
    ['::', '--0'],
    ['1234:abcd::', '1234-abcd--0'],
    ['1:2:3:4:5:6:7:8', '1-2-3-4-5-6-7-8'],
  ]) {
    t.equal(endpointLabel(endpoints[0], address, true), label, address)
  }
})

void t.test('there is an item for each address and each port, in the order of the slices', async t => {
  const base = serviceName('web', 'ns', ORIGIN)!
  const ports = [http, { name: 'dns', port: 53, protocol: 'UDP' }]
  const slices = [slice([{ addresses: ['10.0.0.2', '10.0.0.1'] }], ports), slice(['10.0.0.3'], [])]
  t.same(
    endpointItems(slices, base, OPTIONS).map(({ address, port, portLabels, host }) => [
      address.join('.'),
      port,
      portLabels?.join('.'),
      formatName(host!),
    ]),
    [
      ['10.0.0.2', 80, '_http._tcp', '10-0-0-2.web.ns.svc.cluster.local.'],
      ['10.0.0.2', 53, '_dns._udp', '10-0-0-2.web.ns.svc.cluster.local.'],
      ['10.0.0.1', 80, '_http._tcp', '10-0-0-1.web.ns.svc.cluster.local.'],
      ['10.0.0.1', 53, '_dns._udp', '10-0-0-1.web.ns.svc.cluster.local.'],
      ['10.0.0.3', NO_PORT, undefined, '10-0-0-3.web.ns.svc.cluster.local.'],
    ],
  )
})
