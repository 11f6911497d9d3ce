import t from 'tap'
import { isPodModified, isServiceModified, isSliceModified } from '../../src/records/serial.ts'
import type { SlimEndpointSlice, SlimPod, SlimService } from '../../src/watch/slim.ts'
import { clusterIP, http, pod, service, slice } from './objects.ts'

function hold<T>(isModified: (before: T, after: T) => boolean, rows: [title: string, T, T, expected: boolean][]): void {
  for (const [title, before, after, expected] of rows) {
    void t.test(`${title} ${expected ? 'moves' : 'does not move'} the serial`, async t => {
      t.equal(isModified(before, after), expected)
      t.equal(isModified(after, before), expected, 'nor the other way round')
    })
  }
}

const web = clusterIP(['10.96.0.1'])
hold<SlimService | undefined>(isServiceModified, [
  ['a new Service', undefined, web, true],
  ['the same Service', web, clusterIP(['10.96.0.1']), false],
  ['a new version that changes nothing', web, { ...web, resourceVersion: '2' }, false],
  ['another cluster IP', web, clusterIP(['10.96.0.2']), true],
  ['a second cluster IP', web, clusterIP(['10.96.0.1', 'fd00::1']), true],
  ['a Service becoming headless', web, clusterIP(['None']), true],
  ['another port', web, clusterIP(['10.96.0.1'], [{ ...http, port: 81 }]), true],
  ['another protocol', web, clusterIP(['10.96.0.1'], [{ ...http, protocol: 'UDP' }]), true],
  ['another type', web, { ...web, type: 'ExternalName' }, true],
  ['another external IP, which no name of the zone has,', web, { ...web, externalIPs: ['192.0.2.1'] }, false],
  [
    'another external name',
    service({ type: 'ExternalName', externalName: 'a.example' }),
    service({ type: 'ExternalName', externalName: 'b.example' }),
    true,
  ],
])

type Slices = [before: SlimEndpointSlice | undefined, after: SlimEndpointSlice | undefined]
const isPlainModified = (...slices: Slices): boolean => isSliceModified(...slices, { zonal: false })
const isZonalModified = (...slices: Slices): boolean => isSliceModified(...slices, { zonal: true })

const one = slice([{ addresses: ['10.0.0.1'], hostname: 'a' }])
const plain = { ...one, endpoints: one.endpoints }
hold<SlimEndpointSlice | undefined>(isPlainModified, [
  ['a new slice', undefined, one, true],
  ['the same slice', one, slice([{ addresses: ['10.0.0.1'], hostname: 'a' }]), false],
  ['another address', one, slice([{ addresses: ['10.0.0.2'], hostname: 'a' }]), true],
  ['another host name', one, slice([{ addresses: ['10.0.0.1'], hostname: 'b' }]), true],
  [
    'an endpoint that is no longer ready',
    one,
    slice([{ addresses: ['10.0.0.1'], conditions: { ready: false } }]),
    true,
  ],
  [
    'a further endpoint that is not ready',
    one,
    slice([
      { addresses: ['10.0.0.1'], hostname: 'a' },
      { addresses: ['10.0.0.2'], conditions: { ready: false } },
    ]),
    false,
  ],
  ['another port', one, slice([{ addresses: ['10.0.0.1'], hostname: 'a' }], []), true],
  ['another Service', one, { ...plain, service: 'other' }, true],
  ['another import', one, { ...plain, importedService: 'other' }, true],
  ['another cluster', one, { ...plain, sourceCluster: 'other' }, true],
  [
    'an endpoint that moves to another node',
    one,
    { ...one, endpoints: one.endpoints.map(endpoint => ({ ...endpoint, nodeName: 'n', zone: 'z' })) },
    false,
  ],
  ['another time of change', one, { ...plain, lastChangeTriggerTimeMs: 1 }, false],
])

const [endpoint] = one.endpoints
hold<SlimEndpointSlice | undefined>(isZonalModified, [
  [
    'with `zonal`, an endpoint that is said to be in another zone',
    one,
    { ...one, endpoints: [{ ...endpoint, zone: 'z' }] },
    true,
  ],
  ['with `zonal`, an endpoint on another node', one, { ...one, endpoints: [{ ...endpoint, nodeName: 'n' }] }, false],
])

hold<SlimPod | undefined>(isPodModified, [
  ['a Pod with an address', undefined, pod('10.0.0.1'), true],
  ['the same address', pod('10.0.0.1'), pod('10.0.0.1', 'q'), false],
  ['another address of a Pod', pod('10.0.0.1'), pod('10.0.0.2'), true],
  ['one more', pod('10.0.0.1'), { ...pod('10.0.0.1'), podIPs: ['10.0.0.1', 'fd00::1'] }, true],
  ['a Pod without an address', undefined, pod(''), false],
  ['a Pod that is being deleted', pod('10.0.0.1'), { ...pod('10.0.0.1'), deleting: true }, false],
])
