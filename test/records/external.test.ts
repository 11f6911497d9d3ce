import t from 'tap'
import type { FrontService } from '../../src/records/apex.ts'
import {
  type ExternalRecordOptions,
  externalNameServerRecords,
  externalServiceRecords,
} from '../../src/records/external.ts'
import { slimService } from '../../src/watch/slim.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { parseName } from '../../src/wire/name.ts'
import { zoneLines } from './lines.ts'
import { headless, service, slice } from './objects.ts'

const ORIGIN = parseName('x.')!
const OPTIONS: ExternalRecordOptions = { ttlSeconds: 9, apex: 'dns', headless: false, endpointPodNames: false }
const HOST = 'ns1.dns.x.'
const pods = { endpoints: [{ addresses: ['10.0.0.1'], targetRef: { kind: 'Pod', name: 'web-0' } }] }

const fronts: { title: string; front?: FrontService[]; headless?: boolean; addresses: string[] }[] = [
  { title: 'no Service: the addresses of the server', addresses: ['10.9.9.9'] },
  {
    title: 'a Service with external addresses, each once',
    front: [
      { service: service({ externalIPs: ['192.0.2.1', '2001:db8::1', '192.0.2.1'] }), slices: [slice(['10.9.9.9'])] },
    ],
    addresses: ['192.0.2.1', '2001:db8::1'],
  },
  {
    title: 'a Service that nothing reaches from outside: none',
    front: [{ service: service({ clusterIPs: ['10.96.0.10'] }), slices: [slice(['10.9.9.9'])] }],
    addresses: [],
  },
  {
    title: 'a headless Service, with headless: its endpoints',
    front: [{ service: headless(), slices: [slice(['10.9.9.9', '10.9.9.8'])] }],
    headless: true,
    addresses: ['10.9.9.8', '10.9.9.9'],
  },
  {
    title: 'a headless Service, without headless: none',
    front: [{ service: headless(), slices: [slice(['10.9.9.9'])] }],
    addresses: [],
  },
]

for (const { title, front = [], addresses, ...options } of fronts) {
  void t.test(`what the name server is reached by: ${title}`, async t => {
    const records = externalNameServerRecords(ORIGIN, front, [parseAddress('10.9.9.9')!], { ...OPTIONS, ...options })
    const lines = addresses.map(address => `${HOST} 9 IN ${address.includes(':') ? 'AAAA' : 'A'} ${address}`)
    t.same(zoneLines(records), [`x. 9 IN NS ${HOST}`, ...lines.map(line => `; ${line}`), ...lines])
  })
}

void t.test('endpoints are named after their Pods where kubernetes does so', async t => {
  const slices = [slice(pods.endpoints, [])]
  const records = externalServiceRecords(headless(), slices, ORIGIN, {
    ...OPTIONS,
    headless: true,
    endpointPodNames: true,
  })
  t.same(zoneLines(records), ['web.ns.x. 9 IN A 10.0.0.1', 'web-0.web.ns.x. 9 IN A 10.0.0.1'])
})

void t.test('a Service without ports has addresses and no SRV', async t => {
  const records = externalServiceRecords(service({ externalIPs: ['192.0.2.1'] }), [], ORIGIN, OPTIONS)
  t.same(zoneLines(records), ['web.ns.x. 9 IN A 192.0.2.1'])
})

void t.test('what is no address and no name makes no record', async t => {
  const records = externalServiceRecords(service({ externalIPs: ['nonsense', '192.0.2.256'] }), [], ORIGIN, OPTIONS)
  t.same(records, [])
})

void t.test('ports of one number have one SRV to the name of a load balancer', async t => {
  const ports = ['a', 'b'].map(name => ({ name, port: 80, protocol: 'TCP' }))
  const balanced = slimService({
    metadata: { name: 'web', namespace: 'ns' },
    spec: { ports },
    status: { loadBalancer: { ingress: [{ hostname: 'lb.test' }] } },
  })!
  const lines = zoneLines(externalServiceRecords(balanced, [], ORIGIN, OPTIONS))
  t.same(
    lines.filter(line => line.startsWith('web.ns.x.')),
    ['web.ns.x. 9 IN CNAME lb.test.', 'web.ns.x. 9 IN SRV 0 50 80 lb.test.'],
  )
})
