import t from 'tap'
import { topologyRecords, zoneOwner } from '../../src/records/topology.ts'
import { slimEndpointSlice } from '../../src/watch/slim.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { zoneLines } from './lines.ts'
import { type Endpoint, OPTIONS, ORIGIN, clusterIP, headless, http } from './objects.ts'

const WEB = 'web.ns.svc.cluster.local.'

const meant = (address: string, ...zones: string[]): Endpoint => ({
  addresses: [address],
  hints: { forZones: zones.map(name => ({ name })) },
})

/** The lines that clients of each zone have, of those names that are something else to them. */
function lines(...slices: Endpoint[][]): string[] {
  const slim = slices.map((endpoints, i) => {
    const labels = { 'kubernetes.io/service-name': 'web' }
    const metadata = { name: `web-${i}`, namespace: 'ns', labels }
    return slimEndpointSlice({ metadata, endpoints, ports: [http] }, { topology: true })!
  })
  return zoneLines(topologyRecords(headless(), slim, ORIGIN, OPTIONS))
}

const both = (zone: string, ...addresses: string[]): string[] =>
  [`${zone}.${WEB}`, `${zone}._http._tcp.${WEB}`].flatMap(name => addresses.map(address => `${name} 5 IN A ${address}`))
const onlyA = (all: string[]): string[] => all.filter(line => / IN A /.test(line) && !line.startsWith(';'))

void t.test('each zone has what is meant for it, where that is not everything', async t => {
  t.same(
    onlyA(lines([meant('10.0.0.1', 'a'), meant('10.0.0.2', 'b')], [meant('10.0.0.3', 'a', 'b')])).sort(),
    [...both('a', '10.0.0.1', '10.0.0.3'), ...both('b', '10.0.0.2', '10.0.0.3')].sort(),
  )
  t.same(lines([meant('10.0.0.1', 'a', 'b'), meant('10.0.0.2', 'b', 'a')]), [], 'all is near to both')
  t.same(lines([meant('10.0.0.1')], [meant('10.0.0.2', 'a')]), [], 'one without hints')
  t.same(lines([{ addresses: ['10.0.0.1'] }]), [])
  t.same(lines(), [])
  // What is wrong for one family is right for the other.
  t.same(onlyA(lines([meant('10.0.0.1', 'a'), meant('10.0.0.2', 'b')], [meant('fd00::1', 'a'), meant('fd00::2')])), [
    `a.${WEB} 5 IN A 10.0.0.1`,
    `b.${WEB} 5 IN A 10.0.0.2`,
    `a._http._tcp.${WEB} 5 IN A 10.0.0.1`,
    `b._http._tcp.${WEB} 5 IN A 10.0.0.2`,
  ])
})

void t.test('weights are those of what is there', async t => {
  t.same(lines([meant('10.0.0.1', 'a'), meant('10.0.0.2', 'b')]).slice(0, 3), [
    `a.${WEB} 5 IN A 10.0.0.1`,
    `a.${WEB} 5 IN SRV 0 100 80 10-0-0-1.${WEB}`,
    `; 10-0-0-1.${WEB} 5 IN A 10.0.0.1`,
  ])
})

void t.test('a Service with a cluster IP is the same to all', async t => {
  t.same(topologyRecords(clusterIP(['10.96.0.1']), [], ORIGIN, OPTIONS), [])
})

void t.test('a zone is one label, however it is spelt, as long as the name has room for it', async t => {
  const owner = parseName(WEB)!
  t.equal(formatName(zoneOwner('eu-1A.x', owner)!), `eu-1A\\.x.${WEB}`)
  t.equal(zoneOwner('', owner), undefined)
  t.equal(zoneOwner('z'.repeat(64), owner), undefined)
  const long = parseName(`${'abcdefg.'.repeat(30)}abc.`)!
  t.equal(long.length, 245)
  t.equal(zoneOwner('z'.repeat(9), long)?.length, 255)
  t.equal(zoneOwner('z'.repeat(10), long), undefined)
})
