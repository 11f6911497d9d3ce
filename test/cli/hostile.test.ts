// Objects that no API server would send, written straight into the watch.

import fc from 'fast-check'
import t, { type Test } from 'tap'
import { RunningSite } from '../site/running.ts'
import { type Call, ScriptedApi } from '../watch/scripted.ts'
import { askUntil } from './command.ts'

type Json = Record<string, unknown>

const COREFILE = `
cluster.test in-addr.arpa ip6.arpa {
    bind 127.0.0.1
    kubernetes cluster.test in-addr.arpa ip6.arpa {
        pods verified
        endpoint_pod_names
    }
}
`

const meta = (name: unknown, more: Json = {}): Json => ({ name, namespace: 'a', uid: `uid-${String(name)}`, ...more })

const service = (name: string, address: string): Json => ({
  kind: 'Service',
  metadata: meta(name),
  spec: { clusterIP: address, clusterIPs: [address], ports: [{ name: 'http', port: 80, protocol: 'TCP' }] },
})

const VICTIMS: Record<string, Json> = {
  services: {
    kind: 'Service',
    metadata: meta('victim', { labels: { x: 'y' }, annotations: { x: 'y' } }),
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9', 'fd00::9'],
      externalName: 'example.com',
      publishNotReadyAddresses: false,
      selector: { app: 'victim' },
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  },
  endpointslices: {
    kind: 'EndpointSlice',
    metadata: meta('victim-1', {
      labels: { 'kubernetes.io/service-name': 'headless' },
      annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00Z' },
    }),
    addressType: 'IPv4',
    endpoints: [
      {
        addresses: ['10.1.0.9'],
        hostname: 'host',
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', name: 'pod', namespace: 'a' },
        nodeName: 'node',
        zone: 'zone',
      },
    ],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  },
  pods: { kind: 'Pod', metadata: meta('victim'), status: { podIP: '10.1.0.9', podIPs: [{ ip: '10.1.0.9' }] } },
  namespaces: { kind: 'Namespace', metadata: { name: 'victim', uid: 'uid-victim', labels: { x: 'y' } } },
}

const HEADLESS = { kind: 'Service', metadata: meta('headless'), spec: { clusterIP: 'None', clusterIPs: ['None'] } }
const NAMESPACE = { kind: 'Namespace', metadata: { name: 'a', uid: 'uid-a' } }

/** An API that sends what it is told to, to whoever watches. */
class HostileApi {
  readonly api = new ScriptedApi()
  readonly #good = new Map<string, Json[]>([
    ['namespaces', [NAMESPACE]],
    ['services', [HEADLESS]],
  ])
  readonly #watches = new Map<string, Call>()
  #version = 1

  async listen(): Promise<string> {
    await this.api.listen()
    void this.#serve()
    return this.api.url
  }

  /** Kept, and told to every watch that comes later. */
  keep(resource: string, object: Json): void {
    this.#good.set(resource, [...(this.#good.get(resource) ?? []), object])
    this.write(resource, this.event('ADDED', object))
  }

  /** A line of the watch of the resource, as it is. */
  write(resource: string, line: string | Uint8Array): void {
    this.#watches.get(resource)?.write(line).write('\n')
  }

  event(type: string, object: Json): string {
    const metadata = object['metadata']
    const isObject = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)
    const versioned = isObject ? { resourceVersion: String(++this.#version), ...metadata } : metadata
    return JSON.stringify({ type, object: { ...object, metadata: versioned } })
  }

  async #serve(): Promise<void> {
    for (;;) {
      const call = await this.api.next()
      const resource = call.path.split('/').at(-1) ?? ''
      // Whether this is the cluster that it was; see src/watch/lineage.ts.
      if (call.query['fieldSelector'] === 'metadata.name=kube-system') {
        call.list(String(this.#version), [])
        continue
      }
      call.open()
      for (const object of this.#good.get(resource) ?? []) call.write(`${this.event('ADDED', object)}\n`)
      if (call.query['sendInitialEvents'] === 'true') call.endInitialEvents(String(++this.#version))
      this.#watches.set(resource, call)
    }
  }
}

interface Bench {
  hostile: HostileApi
  /** Whether all that was written has been taken: an object behind it is answered, and the one from before as ever. */
  holdsOn: () => Promise<boolean>
}

async function start(t: Test): Promise<Bench> {
  const hostile = new HostileApi()
  const endpoint = await hostile.listen()
  hostile.keep('services', service('good', '10.96.0.1'))
  const site = await RunningSite.start({ corefile: COREFILE, api: { endpoint } })
  t.teardown(async () => {
    await site.stop()
    await hostile.api.close()
  })
  let markers = 0
  const holdsOn = async (): Promise<boolean> => {
    const number = ++markers
    const address = `10.97.${number >> 8}.${number & 255}`
    hostile.keep('services', service(`marker-${number}`, address))
    const marker = await askUntil(
      () => site.ask(`marker-${number}.a.svc.cluster.test.`, 'A'),
      ({ rcode }) => rcode === 'NOERROR',
    )
    const good = await site.ask('_http._tcp.good.a.svc.cluster.test.', 'SRV')
    const pointer = await site.ask('1.0.96.10.in-addr.arpa.', 'PTR')
    return (
      marker.answer[0] === `marker-${number}.a.svc.cluster.test. 5 IN A ${address}` &&
      good.answer[0] === '_http._tcp.good.a.svc.cluster.test. 5 IN SRV 0 100 80 good.a.svc.cluster.test.' &&
      pointer.answer[0] === '1.0.96.10.in-addr.arpa. 5 IN PTR good.a.svc.cluster.test.'
    )
  }
  return { hostile, holdsOn }
}

const LONG = 'x'.repeat(10_000)
const values: unknown[] = [
  null,
  true,
  -1,
  1e300,
  65_536,
  '',
  '.',
  'a.b.c',
  'a..b',
  '-',
  '999.1.1.1',
  '::1::',
  '0.0.0.0',
  'None',
  LONG,
  `${'a.'.repeat(5_000)}b`,
  'é\u0000\n"\\',
  '2026-99-99T99:99:99Z',
  [],
  {},
  [null],
  [[]],
  [LONG],
  [{ ip: LONG, addresses: [LONG], hostname: LONG, name: LONG, port: '80' }],
  { length: 3, __proto__: null },
  { toString: 'x', constructor: null },
]

/** Every copy of a value in which one member or element is something else, or is missing. */
function* corrupt(value: unknown, replacement: unknown): Generator {
  yield replacement
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    for (const corrupted of corrupt(member, replacement)) {
      if (Array.isArray(value)) yield value.with(Number(key), corrupted)
      else yield { ...value, [key]: corrupted }
    }
  }
}

void t.test('an object with anything anywhere ends nothing, and other names are answered', async t => {
  const { hostile, holdsOn } = await start(t)
  let count = 0
  for (const [resource, victim] of Object.entries(VICTIMS)) {
    for (const value of values) {
      for (const object of corrupt(victim, value)) {
        // The object itself must be one: what else a line may hold comes below.
        if (typeof object !== 'object' || object === null || Array.isArray(object)) continue
        for (const type of ['ADDED', 'MODIFIED', 'DELETED'])
          hostile.write(resource, hostile.event(type, object as Json))
        count++
      }
    }
    t.ok(await holdsOn(), resource)
  }
  t.comment(`${count} objects`)
})

void t.test('random objects end nothing, and other names are answered', async t => {
  const { hostile, holdsOn } = await start(t)
  const member = fc.constantFrom('metadata', 'spec', 'status', 'endpoints', 'ports', 'addressType', 'kind')
  const change = fc.record({
    resource: fc.constantFrom(...Object.keys(VICTIMS)),
    type: fc.constantFrom('ADDED', 'MODIFIED', 'DELETED'),
    member,
    value: fc.jsonValue({ maxDepth: 4 }),
    inside: fc.boolean(),
  })
  const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 20 }), async changes => {
    for (const { resource, type, member, value, inside } of changes) {
      const victim = VICTIMS[resource]
      const deep = { ...(victim[member] as Json | undefined), ...(value as Json) }
      hostile.write(resource, hostile.event(type, { ...victim, [member]: inside ? deep : value }))
    }
    return holdsOn()
  })
  await fc.assert(property, { numRuns: 100 })
  t.pass()
})

const lines: Record<string, string | Uint8Array> = {
  'an empty line': '',
  null: 'null',
  'a number': '1',
  'an array': '[]',
  'an object without members': '{}',
  'an event without an object': '{"type":"ADDED"}',
  'an event of nothing': '{"type":"ADDED","object":null}',
  'an event of an unknown type': '{"type":"RENAMED","object":{}}',
  'a type that is no text': '{"type":{},"object":{}}',
  'an error without a status': '{"type":"ERROR","object":null}',
  'a bookmark without a version': '{"type":"BOOKMARK","object":{}}',
  'what is no JSON': '{"type":"ADDED","object":',
  'what is no UTF-8': Uint8Array.of(0x22, 0xff, 0xfe, 0x22),
  'JSON of a hundred thousand levels': `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
  'a megabyte of text': JSON.stringify('x'.repeat(1_000_000)),
}

void t.test('a line with anything ends nothing, and other names are answered', { jobs: 5 }, async t => {
  const tests = Object.entries(lines).map(([name, line]) =>
    t.test(name, { buffered: true }, async t => {
      const { hostile, holdsOn } = await start(t)
      hostile.write('services', line)
      t.ok(await holdsOn())
    }),
  )
  await Promise.all(tests)
})
