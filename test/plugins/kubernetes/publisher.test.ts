// The control side alone: changes go in, the image comes out.

import fc from 'fast-check'
import t from 'tap'
import { ClientWriter } from '../../../src/plugins/kubernetes/clientwriter.ts'
import { ExternalNames } from '../../../src/plugins/kubernetes/external.ts'
import { Publisher, type PublisherOptions } from '../../../src/plugins/kubernetes/publisher.ts'
import type { ServiceKind } from '../../../src/plugins/kubernetes/triggers.ts'
import {
  type SlimNamespace,
  type SlimPod,
  slimEndpointSlice,
  slimNamespace,
  slimPod,
  slimService,
} from '../../../src/watch/slim.ts'
import type { SlimEndpointSlice, SlimService } from '../../../src/watch/slim.ts'
import { podStore } from '../../../src/watch/pods.ts'
import { parseAddress } from '../../../src/wire/address.ts'
import { Type } from '../../../src/wire/constants.ts'
import { formatName, parseName, type WireName } from '../../../src/wire/name.ts'
import type { Rrset } from '../../../src/wire/rrset.ts'
import { encodeBlock } from '../../../src/zones/block.ts'
import { ZoneImage } from '../../../src/zones/image.ts'
import { Head, SLOT_FREED } from '../../../src/zones/layout.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'
import { OPTIONS } from '../../records/objects.ts'
import { readSet } from '../../zones/reading.ts'

const FORWARD = parseName('cluster.local.')!
const ROOT = Uint8Array.of(0)
const POD_EXTRAS = { topology: true, labels: ['l'] }
const REVERSE = parseName('10.in-addr.arpa.')!
const TYPES = [Type.A, Type.AAAA, Type.SRV, Type.CNAME, Type.PTR, Type.NS, Type.TXT]

/** Remembers each name that was ever published. */
const everPublished = new Map<string, WireName>()
class RecordingWriter extends ZoneWriter {
  onWithdrawn = (_name: WireName): void => {}
  /** Called for each name that is made, and looked at for whether it differs. Not there yet while the zones are opened. */
  onPublished: ((name: WireName, rrsets: readonly Rrset[], isChanged: boolean) => void) | undefined

  override publish(name: WireName, rrsets: readonly Rrset[], isAwaited = false): boolean {
    everPublished.set(formatName(name), name)
    const isChanged = super.publish(name, rrsets, isAwaited)
    this.onPublished?.(name, rrsets, isChanged)
    return isChanged
  }

  override withdraw(name: WireName): boolean {
    const isGone = super.withdraw(name)
    if (isGone) this.onWithdrawn(name)
    return isGone
  }
}

class Zone {
  readonly writer = new RecordingWriter([FORWARD, REVERSE], buffer => this.image.attach(buffer))
  readonly image = new ZoneImage(this.writer.buffer)
  /** What clients are told otherwise because of their zone, and where they are. */
  readonly topology = new RecordingWriter([ROOT], buffer => this.topologyImage.attach(buffer))
  readonly topologyImage = new ZoneImage(this.topology.buffer)
  readonly clients = new ClientWriter(() => {})
  readonly programmed: ServiceKind[] = []
  readonly failures: unknown[] = []
  completions = 0
  readonly publisher: Publisher
  readonly pods: ReturnType<typeof podStore>

  constructor(options: Partial<PublisherOptions> = {}) {
    this.publisher = new Publisher(this.writer, {
      records: OPTIONS,
      forwardOrigins: [FORWARD],
      reverseOrigins: [REVERSE],
      namespaces: undefined,
      pods: 'verified',
      lingerMs: 0,
      localAddresses: [parseAddress('10.9.9.9')!],
      topology: this.topology,
      onProgrammed: kind => void this.programmed.push(kind),
      onComplete: () => void this.completions++,
      onFailure: error => void this.failures.push(error),
      ...options,
    })
    this.pods = podStore(this.publisher.pods, POD_EXTRAS)
    this.publisher.keepPods(this.pods)
    this.publisher.follow(this.clients)
  }

  /** The table of clients, as sorted text. */
  readClients(): string {
    const { bytes, slots, words } = new ZoneImage(this.clients.buffer).freeze()!
    const blocks = [...slots].filter(block => block > SLOT_FREED)
    return blocks
      .map(block => {
        const end = block + words[(block >> 2) + 1]
        // Without the count of names below it.
        return bytes.toString('latin1', block, block + 8) + bytes.toString('latin1', block + 12, end)
      })
      .sort()
      .join('\n')
  }

  listed(): void {
    for (const sink of ['services', 'slices', 'namespaces', 'pods'] as const) this.publisher[sink].listed()
  }

  /** Zones of `k8s_external` beside it, from now on. */
  share(): ExternalNames {
    const records = { ttlSeconds: 5, apex: 'dns', headless: true, endpointPodNames: false }
    const zones = ['x.', '10.in-addr.arpa.', 'ip6.arpa.']
    const external = new ExternalNames({ zones, records, namespaces: undefined, lingerMs: 0 }, () => {})
    this.publisher.share(external)
    return external
  }

  /** Sets of a name as sorted text. */
  read(name: WireName, image = this.image): string {
    return JSON.stringify(
      TYPES.map(type => {
        const set = readSet(image, name, type)
        return typeof set === 'object' ? [set.answer.sort(), set.additional.sort()] : [set ?? 'missing']
      }),
    )
  }
}

// A small world, in which changes meet.
type Slim =
  | { kind: 'services'; value: SlimService }
  | { kind: 'slices'; value: SlimEndpointSlice }
  | { kind: 'namespaces'; value: SlimNamespace }
  | { kind: 'pods'; value: SlimPod }

const namespaceName = fc.constantFrom('a', 'b')
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.9.9.9', 'fd00::1')
const service = fc
  .record({
    metadata: fc.record({ name: fc.constantFrom('s', 't'), namespace: namespaceName }),
    spec: fc.oneof(
      fc.record({
        externalIPs: fc.constantFrom([], ['10.0.0.1'], ['10.9.9.9', 'fd00::1']),
        clusterIPs: fc.constantFrom(['None'], ['None'], ['10.0.0.1'], ['10.0.0.2', 'fd00::1'], []),
        ports: fc.subarray([{ name: 'x', port: 1 }, { port: 2 }]),
        selector: fc.constantFrom({}, { app: 's' }),
      }),
      fc.record({ type: fc.constant('ExternalName'), externalName: fc.constantFrom('s.a.svc.cluster.local', 'x.org') }),
    ),
  })
  .map((value): Slim => ({ kind: 'services', value: slimService(value)! }))
/** Mostly there: one endpoint without them is enough for nobody's to count. */
const hints = fc.constantFrom(
  ...[['z'], ['y.z'], ['y.z', 'z'], ['z'], ['y.z'], ['z']].map(zones => ({ forZones: zones.map(name => ({ name })) })),
  undefined,
)
const slice = fc
  .record({
    metadata: fc.record({
      name: fc.constantFrom('1', '2', '3'),
      namespace: namespaceName,
      labels: fc.record({ 'kubernetes.io/service-name': fc.constantFrom('s', 't', 's', 't', '') }),
    }),
    endpoints: fc.array(
      fc.record({
        addresses: fc.array(address, { minLength: 1, maxLength: 2 }),
        hostname: fc.constantFrom(undefined, 'h', 'H', 'i.j'),
        zone: fc.constantFrom(undefined, 'z', 'y.z'),
        nodeName: fc.constantFrom(undefined, 'n', 'm'),
        hints,
        targetRef: fc.constantFrom(undefined, { kind: 'Pod', name: 'p' }),
        conditions: fc.constantFrom({}, { ready: false }),
      }),
      { maxLength: 3, size: 'max' },
    ),
    ports: fc.subarray([{ name: 'x', port: 1 }, { port: 2 }]),
  })
  .map((value): Slim => ({ kind: 'slices', value: slimEndpointSlice(value, { topology: true })! }))
const namespace = namespaceName.map(
  (name): Slim => ({ kind: 'namespaces', value: slimNamespace({ metadata: { name } })! }),
)
const pod = fc
  .record({
    metadata: fc.record({
      name: fc.constantFrom('p', 'q', 'r'),
      namespace: namespaceName,
      labels: fc.constantFrom({}, { l: 'x' }, { l: 'y' }),
    }),
    spec: fc.constantFrom({}, { nodeName: 'n' }, { nodeName: 'm' }),
    status: fc.oneof(
      fc.record({ podIP: fc.oneof(address, fc.constant('')) }),
      fc.record({ podIPs: fc.uniqueArray(address, { maxLength: 2 }).map(ips => ips.map(ip => ({ ip }))) }),
    ),
  })
  .map((value): Slim => ({ kind: 'pods', value: slimPod(value, POD_EXTRAS)! }))

const change = fc.record({
  object: fc.oneof({ weight: 3, arbitrary: service }, { weight: 3, arbitrary: slice }, namespace, pod),
  /** Seldom, so that a Service, its slices and its namespace are there at one time. */
  isDeleted: fc.nat(7).map(number => number === 0),
  /** Whether what has gathered is published now. */
  isFlushed: fc.boolean(),
})

/** What the API holds, and how a publisher is told of changes to it. */
class World {
  readonly #held = new Map<string, Slim>()

  tell({ publisher, pods }: Zone, { kind, value }: Slim, isDeleted: boolean): void {
    const key = `${kind}/${value.key}`
    const before = this.#held.get(key)
    if (isDeleted && !before) return
    if (isDeleted) this.#held.delete(key)
    else this.#held.set(key, { kind, value } as Slim)
    if (kind === 'pods') {
      if (isDeleted) pods.remove(value.key)
      else pods.put(value)
      return
    }
    const sink = publisher[kind] as { changed(before: unknown, after: unknown): void }
    sink.changed(before?.value, isDeleted ? undefined : value)
  }

  replay(zone: Zone): void {
    const fresh = new World()
    for (const object of this.#held.values()) fresh.tell(zone, object, false)
  }
}

for (const records of [OPTIONS, { ...OPTIONS, zonal: true, ptr: 'headless' } as const]) {
  void t.test('whatever the history, the zone is the same as if it were made at once of what there is', async t => {
    let zoned = 0
    t.doesNotThrow(() => {
      fc.assert(
        fc.property(fc.array(change, { maxLength: 60, size: 'max' }), changes => {
          everPublished.clear()
          const [lived, made, world] = [new Zone({ records }), new Zone({ records }), new World()]
          for (const { object, isDeleted, isFlushed } of changes) {
            world.tell(lived, object, isDeleted)
            if (isFlushed) lived.publisher.flush()
            if (lived.topology.names > 1) zoned++
          }
          lived.publisher.flush()
          world.replay(made)
          made.publisher.flush()
          for (const zone of [lived, made]) zone.publisher.stop()
          for (const [text, name] of everPublished) {
            for (const which of ['image', 'topologyImage'] as const) {
              const [found, expected] = [lived.read(name, lived[which]), made.read(name, made[which])]
              if (found !== expected) throw new Error(`${which} ${text}: ${found}, expected ${expected}`)
            }
          }
          if (lived.readClients() !== made.readClients()) throw new Error('clients differ')
          for (const which of ['writer', 'topology'] as const) {
            if (lived[which].names !== made[which].names) throw new Error('names are left over')
            if (lived[which].liveBytes !== made[which].liveBytes) throw new Error('octets are left over')
          }
        }),
        { numRuns: 200 },
      )
    })
    t.ok(zoned > 0, `${zoned} moments with answers for zones`)
  })
}

const SERVICES = ['s.a.x.', 't.a.x.', 's.b.x.', 't.b.x.']
const below = (...labels: string[]): string[] => SERVICES.flatMap(name => labels.map(label => label + name))
/** By what makes them. */
const EXTERNAL = {
  zones: ['x.', '10.in-addr.arpa.', 'ns1.dns.x.'],
  namespaces: ['a.x.', 'b.x.'],
  services: SERVICES,
  ports: below('_x._tcp.'),
  endpoints: below('h.', '10-0-0-1.'),
  addresses: ['1.0.0.10.in-addr.arpa.', '9.9.9.10.in-addr.arpa.'],
}

void t.test('so are the zones of k8s_external, whenever they came to be', async t => {
  const nothing = new Zone().read(parseName('nothing.x.')!)
  const answered = new Set<string>()
  fc.assert(
    fc.property(fc.array(change, { minLength: 10, maxLength: 40, size: 'max' }), fc.nat(40), (changes, from) => {
      const [lived, made, world] = [new Zone(), new Zone(), new World()]
      let shared: ExternalNames | undefined
      for (const [i, { object, isDeleted, isFlushed }] of changes.entries()) {
        if (i === from) shared = lived.share()
        world.tell(lived, object, isDeleted)
        if (isFlushed) lived.publisher.flush()
      }
      shared ??= lived.share()
      lived.publisher.flush()
      const fresh = made.share()
      world.replay(made)
      made.publisher.flush()
      for (const { publisher } of [lived, made]) publisher.stop()
      const images = [shared, fresh].map(({ buffer }) => new ZoneImage(buffer))
      for (const [kind, names] of Object.entries(EXTERNAL)) {
        for (const name of names) {
          const [is, expected] = images.map(image => lived.read(parseName(name)!, image))
          if (is !== expected) throw new Error(`${name}: ${is}, expected ${expected}`)
          if (is !== nothing) answered.add(kind)
        }
      }
      const [words, expected] = [shared, fresh].map(({ buffer }) => new Uint32Array(buffer))
      if (words[Head.Names] !== expected[Head.Names]) throw new Error('names are left over')
      if (words[Head.LiveBytes] !== expected[Head.LiveBytes]) throw new Error('octets are left over')
    }),
    { numRuns: 200 },
  )
  t.same([...answered].sort(), Object.keys(EXTERNAL).sort(), 'names of each kind were there at some time')
})

const slimWeb = (clusterIPs: string[]): SlimService =>
  slimService({ metadata: { name: 'dns', namespace: 'kube-system' }, spec: { clusterIPs, ports: [{ port: 53 }] } })!
const slimSlice = (addresses: string[], annotations = {}, name = 'dns-1'): SlimEndpointSlice =>
  slimEndpointSlice({
    metadata: {
      name,
      namespace: 'kube-system',
      labels: { 'kubernetes.io/service-name': 'dns' },
      annotations,
    },
    endpoints: addresses.map(address => ({ addresses: [address] })),
    ports: [{ port: 53 }],
  })!
const slimSystem = slimNamespace({ metadata: { name: 'kube-system' } })!

const nameServers = (zone: Zone): unknown => {
  const set = readSet(zone.image, FORWARD, Type.NS)
  return typeof set === 'object' ? set.additional : set
}

void t.test('the name server is the Service in front of the server, while there is one', async t => {
  const zone = new Zone()
  const { publisher } = zone
  t.teardown(() => publisher.stop())
  const own = ['ns.dns.cluster.local. 5 1 0a090909']
  t.same(nameServers(zone), own)
  publisher.services.changed(undefined, slimWeb(['10.96.0.10']))
  publisher.flush()
  t.same(nameServers(zone), own, 'a Service with other endpoints is not')
  publisher.slices.changed(undefined, slimSlice(['10.9.9.8', '10.9.9.9']))
  publisher.flush()
  t.same(nameServers(zone), ['dns.kube-system.svc.cluster.local. 5 1 0a60000a'])
  t.same(readSet(zone.image, parseName('ns.dns.cluster.local.')!, Type.A), {
    answer: ['ns.dns.cluster.local. 5 1 0a60000a'],
    additional: [],
  })
  publisher.services.changed(slimWeb(['10.96.0.10']), slimWeb(['None']))
  publisher.flush()
  t.same(nameServers(zone), [
    '10-9-9-8.dns.kube-system.svc.cluster.local. 5 1 0a090908',
    '10-9-9-9.dns.kube-system.svc.cluster.local. 5 1 0a090909',
  ])
  publisher.services.changed(slimWeb(['None']), undefined)
  publisher.flush()
  t.same(nameServers(zone), own)
})

void t.test(
  'zones of k8s_external that come while the Service in front comes, and goes before it was published',
  async t => {
    const zone = new Zone()
    const { publisher } = zone
    t.teardown(() => publisher.stop())
    publisher.services.changed(undefined, slimWeb(['10.96.0.10']))
    publisher.slices.changed(undefined, slimSlice(['10.9.9.9']))
    const image = new ZoneImage(zone.share().buffer)
    publisher.slices.changed(slimSlice(['10.9.9.9']), undefined)
    publisher.flush()
    t.match(readSet(image, parseName('x.')!, Type.NS), { additional: ['ns1.dns.x. 5 1 0a090909'] })
  },
)

void t.test('all is complete when each resource has been listed, and not before', async t => {
  for (const [options, awaited] of [
    [{}, ['services', 'slices', 'namespaces', 'pods']],
    [{ pods: 'insecure' }, ['services', 'slices', 'namespaces']],
    [{ pods: 'disabled', records: { ...OPTIONS, noEndpoints: true } }, ['services', 'namespaces']],
  ] as const) {
    const zone = new Zone(options)
    for (const resource of awaited) {
      zone.publisher.flush()
      t.equal(zone.completions, 0)
      zone.publisher[resource].listed()
    }
    zone.publisher.flush()
    t.equal(zone.completions, 1)
    zone.publisher.stop()
  }
})

void t.test('the serial is 0 until something changes, and moves with a Namespace too', async t => {
  const zone = new Zone()
  t.teardown(() => zone.publisher.stop())
  zone.listed()
  zone.publisher.flush()
  t.equal(zone.image.serial, 0)
  zone.publisher.namespaces.changed(undefined, slimSystem)
  zone.publisher.flush()
  t.ok(Math.abs(zone.image.serial - Date.now() / 1000) < 60)
})

void t.test('the time that a change took is told by the kind of the Service, but not of the first list', async t => {
  const zone = new Zone()
  t.teardown(() => zone.publisher.stop())
  const trigger = { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' }
  const before = slimSlice([], trigger)
  zone.publisher.services.changed(undefined, slimWeb(['10.96.0.10']))
  zone.publisher.slices.changed(undefined, before)
  zone.publisher.flush()
  zone.listed()
  zone.publisher.flush()
  t.same(zone.programmed, [])
  const after = slimSlice(['10.0.0.1'], trigger)
  zone.publisher.slices.changed(before, after)
  zone.publisher.flush()
  zone.publisher.services.changed(slimWeb(['10.96.0.10']), slimWeb(['None']))
  zone.publisher.slices.changed(after, slimSlice(['10.0.0.2'], trigger))
  zone.publisher.flush()
  t.same(zone.programmed, ['cluster_ip', 'headless_without_selector'])
  t.same(zone.failures, [])
})

void t.test('names wait for what another slice brings, but not for ever', async t => {
  let onWithdrawn!: () => void
  const withdrawn = new Promise<void>(resolve => (onWithdrawn = resolve))
  const zone = new Zone({ lingerMs: 20 })
  const { publisher, writer } = zone
  t.teardown(() => publisher.stop())
  zone.listed()
  const names = ['dns.kube-system.svc.cluster.local.', '10-0-0-1.dns.kube-system.svc.cluster.local.'].map(
    name => parseName(name)!,
  )
  const pointer = parseName('1.0.0.10.in-addr.arpa.')!
  const known = (): number =>
    [...names, pointer].filter(name => readSet(zone.image, name, Type.ANY) !== undefined).length
  const [one, other] = [slimSlice(['10.0.0.1']), slimSlice(['10.0.0.1'], {}, 'dns-2')]
  publisher.namespaces.changed(undefined, slimSystem)
  publisher.services.changed(undefined, slimWeb(['None']))
  publisher.slices.changed(undefined, one)
  publisher.flush()
  t.equal(known(), 3)
  publisher.slices.changed(one, undefined)
  publisher.flush()
  t.equal(known(), 3, 'between two changes')
  publisher.slices.changed(undefined, other)
  publisher.flush()
  writer.onWithdrawn = () => void (known() === 0 && onWithdrawn())
  publisher.slices.changed(other, undefined)
  publisher.flush()
  t.equal(known(), 3)
  await withdrawn
  t.equal(known(), 0)
  publisher.slices.changed(undefined, one)
  publisher.flush()
  publisher.slices.changed(one, undefined)
  publisher.flush()
  t.equal(known(), 3)
  publisher.services.changed(slimWeb(['None']), undefined)
  publisher.flush()
  t.equal(known(), 1, 'the names of a Service go with it; the address may be that of another one')
})

/** A Service with endpoints in slices of a hundred. */
function tellService(zone: Zone, name: string, addresses: readonly string[]): SlimEndpointSlice[] {
  const spec = { clusterIPs: ['None'], ports: [{ port: 80 }] }
  zone.publisher.services.changed(undefined, slimService({ metadata: { name, namespace: 'ns' }, spec }))
  const slices = Array.from({ length: Math.ceil(addresses.length / 100) }, (_, i) =>
    makeSlice(name, i, addresses.slice(i * 100, (i + 1) * 100)),
  )
  for (const slice of slices) zone.publisher.slices.changed(undefined, slice)
  return slices
}

const makeSlice = (service: string, i: number, addresses: readonly string[]): SlimEndpointSlice =>
  slimEndpointSlice({
    metadata: { name: `${service}-${i}`, namespace: 'ns', labels: { 'kubernetes.io/service-name': service } },
    endpoints: addresses.map(address => ({ addresses: [address] })),
    ports: [{ port: 80 }],
  })!

void t.test('a change of one endpoint of a thousand costs what its Service is, however large the zone', async t => {
  const addresses = Array.from({ length: 1_000 }, (_, i) => `10.0.${Math.floor(i / 100)}.${i % 100}`)
  const costs = [0, 10, 1_000].map(others => {
    const zone = new Zone({ pods: 'insecure' })
    const { publisher, writer } = zone
    publisher.namespaces.changed(undefined, slimNamespace({ metadata: { name: 'ns' } }))
    const slices = tellService(zone, 'big', addresses)
    for (let i = 0; i < others; i++) tellService(zone, `other-${i}`, [`10.1.${i >> 8}.${i & 255}`])
    zone.listed()
    publisher.flush()
    const liveBytes = writer.liveBytes
    const cost = { made: 0, written: [] as string[], writtenBytes: 0, withdrawn: [] as string[] }
    writer.onPublished = (name, rrsets, isChanged) => {
      cost.made++
      if (!isChanged) return
      cost.written.push(formatName(name))
      cost.writtenBytes += encodeBlock(name, rrsets, 0).length
    }
    writer.onWithdrawn = name => void cost.withdrawn.push(formatName(name))
    publisher.slices.changed(slices[3], makeSlice('big', 3, ['10.0.3.200', ...addresses.slice(301, 400)]))
    publisher.flush()
    publisher.stop()
    return { liveBytes, cost }
  })
  const [{ liveBytes, cost }] = costs
  for (const other of costs) t.same(other.cost, cost)
  t.same(cost.written, [
    'big.ns.svc.cluster.local.',
    '10-0-3-200.big.ns.svc.cluster.local.',
    '200.3.0.10.in-addr.arpa.',
  ])
  t.same(cost.withdrawn, ['10-0-3-0.big.ns.svc.cluster.local.', '0.3.0.10.in-addr.arpa.'])
  // Each name of the Service once, the addresses of the slice, and the few of the zones themselves.
  t.ok(cost.made < 1_000 + 101 + 20, `${cost.made} names were made`)
  t.ok(cost.writtenBytes < liveBytes / 2, `${cost.writtenBytes} of ${liveBytes} octets`)
  t.ok(costs[2].liveBytes > 1.5 * liveBytes, 'the other zone is larger')
})
