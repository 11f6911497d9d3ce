// Sends a mix of questions through a whole chain of plugins, a million times, and prints what that did to the heap. Needs --expose-gc.

import { applyManifests, loadManifests } from '../../src/fakeapi/manifests.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import type { Handler } from '../../src/server/handler.ts'
import type { Plugin } from '../../src/server/plugin.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { Query } from '../../src/wire/query.ts'
import { Reply } from '../../src/wire/reply.ts'
import { type Endpoint, externalName, headless, slice } from '../plugins/kubernetes/objects.ts'
import { measureGrowth } from '../server/growth.ts'
import { buildQuery } from '../server/message.ts'
import { RunningSite, openApi } from './running.ts'
import { TYPES } from './zonefile.ts'

const WARM_UP = 400_000
const RUNS = 1_000_000
const QUESTIONS = [
  'web.shop.svc.cluster.local. A',
  'Web.Shop.svc.Cluster.Local. A',
  'web.shop.svc.cluster.local. AAAA',
  'api.example.com.shop.svc.cluster.local. A',
  'api.example.com.svc.cluster.local. AAAA',
  'api.example.com.cluster.local. A',
  '_http._tcp.API.shop.svc.Cluster.local. SRV',
  'http.tcp.api.shop.svc.cluster.local. SRV',
  'cache.data.svc.cluster.local. A',
  'cache-0.cache.data.svc.cluster.local. A',
  'cache.shop.svc.cluster.local. A',
  'zone-a.prefer._zone.cache.data.svc.cluster.local. SRV',
  'zone-a.pin._zone.cache.data.svc.cluster.local. A',
  '10-244-0-1.data.pod.cluster.local. A',
  '1.0.96.10.in-addr.arpa. PTR',
  'dns-version.cluster.local. TXT',
  'cluster.local. SOA',
  'cluster.local. NS',
  'web.shop.svc.cluster.local. ANY',
  'web-public.shop.example.org. A',
  'http.tcp.web-public.shop.example.org. SRV',
  'cache-0.cache.data.example.org. A',
  'none.shop.example.org. A',
  'example.org. NS',
  // What is meant for the client's zone.
  'near.data.svc.cluster.local. A',
  'http.tcp.Near.data.svc.Cluster.local. SRV',
  'to-near.data.svc.cluster.local. A',
  // Along the search path of a Pod in data.
  'web.shop.data.svc.cluster.local. A',
  'Web.shop.svc.data.svc.Cluster.local. AAAA',
  '_http._tcp.api.shop.svc.cluster.local.data.svc.cluster.local. SRV',
]

let chain: Handler | undefined
const capture: Plugin = {
  name: 'capture',
  repeatable: false,
  setup: () => ({
    handler(next) {
      chain = next
      return next
    },
  }),
}

const api = openApi()
applyManifests(api.store, loadManifests(['examples']))
const nearby = { namespace: 'data' }
const meant = (address: string, zone: string): Endpoint => ({
  addresses: [address],
  hints: { forZones: [{ name: zone }] },
})
api.apply(headless('near', nearby))
api.apply(slice('near', [meant('10.1.0.1', 'zone-1'), meant('10.1.0.2', 'zone-2')], nearby))
api.apply(externalName('to-near', 'near.data.svc.cluster.local', nearby))
await api.settled()
const site = await RunningSite.start({
  corefile: `cluster.local:0 in-addr.arpa:0 ip6.arpa:0 example.org:0 {
    capture
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    errors
    log . {
        class error
    }
    loadbalance
    autopath @kubernetes
    k8s_external example.org {
        headless
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 30
        zonal
        topology
        max_answers 2
    }
}`,
  plugins: [capture, ...PLUGINS],
  api: { endpoint: await api.listen() },
})

const query = new Query()
const slices = api.store.list(api.store.resource('EndpointSlice'), 'data') as unknown as {
  endpoints: { addresses: string[] }[]
}[]
query.clientAddress = parseAddress(slices[0].endpoints[0].addresses[0])!
const reply = new Reply(Buffer.alloc(65_535))
const nearAt = QUESTIONS.findIndex(question => question.startsWith('near.'))
const messages = QUESTIONS.map(question => {
  const [name, type] = question.split(' ')
  return buildQuery({ name, type: TYPES[type], edns: {} })
})

function ask(count: number): number {
  let octets = 0
  for (let i = 0; i < count; i++) {
    const message = messages[i % messages.length]
    query.parse(message, 0, message.length)
    reply.begin(query)
    const rcode = chain!.serve(query, reply)
    if (typeof rcode === 'number') octets += reply.finish(query, rcode)
  }
  return octets
}

// One address of two: else this would measure something else.
for (const message of messages.slice(nearAt, nearAt + 3)) {
  query.parse(message, 0, message.length)
  reply.begin(query)
  await chain!.serve(query, reply)
  if (reply.counts[0] + reply.counts[2] !== 2 - Number(message === messages[nearAt])) throw new Error('not of the zone')
}

let octets = 0
const measured = await measureGrowth(count => (octets = ask(count)), WARM_UP, RUNS)
await site.stop()
await api.close()
process.stdout.write(JSON.stringify({ octets, ...measured }))
