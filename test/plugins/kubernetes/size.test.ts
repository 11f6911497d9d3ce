import t from 'tap'
import { UdpClient } from '../../server/clients.ts'
import { buildQuery } from '../../server/message.ts'
import { Cluster } from './cluster.ts'
import { headless, namespace, slice } from './objects.ts'

const NAME = 'big.ns.svc.cluster.local.'
const addresses = Array.from({ length: 1_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
const chunk = (n: number): string[] => addresses.slice(n * 100, n * 100 + 100)
const objects = [
  namespace('ns'),
  headless('big'),
  ...Array.from({ length: 10 }, (_, n) => slice('big', chunk(n), { name: `big-${n}`, ports: [{ port: 80 }] })),
]

void t.test('a thousand endpoints are cut over UDP and whole over TCP', async t => {
  const cluster = await Cluster.open(t, { objects })
  const client = new UdpClient(cluster.site.port)
  t.teardown(() => client.close())
  for (const size of [undefined, 512, 1232, 4096]) {
    const edns = size === undefined ? undefined : { size }
    const query = buildQuery({ name: NAME, type: 1, edns })
    const [bytes] = await Promise.all([client.receive(), client.send(query)])
    const room = size ?? 512
    t.ok(bytes.length <= room && bytes.length > room - 16 - 11, `${bytes.length} octets of ${room}`)
    const message = await client.ask(query)
    t.ok(message.tc)
    t.ok(message.answers.length > 0, 'whole records are kept')
    t.equal(message.edns?.size, size)
  }
  const whole = addresses.map(address => `${NAME} 5 IN A ${address}`).sort()
  t.same(await cluster.ask(`${NAME} A`, 'tcp'), whole)
  t.same(await cluster.ask(`${NAME} A`), whole, 'and over UDP, for a client that can take it')
})

void t.test('where the addresses of SRV targets do not fit, the reply says so', async t => {
  const cluster = await Cluster.open(t, { objects: [namespace('ns'), headless('big'), slice('big', chunk(0))] })
  const client = new UdpClient(cluster.site.port)
  t.teardown(() => client.close())
  const whole = await client.ask(buildQuery({ name: NAME, type: 33, edns: { size: 65_000 } }))
  t.same([whole.tc, whole.answers.length, whole.additionals.length], [false, 100, 100])
  const [bytes] = await Promise.all([
    client.receive(),
    client.send(buildQuery({ name: NAME, type: 33, edns: { size: 65_000 } })),
  ])
  const cut = await client.ask(buildQuery({ name: NAME, type: 33, edns: { size: bytes.length - 1 } }))
  t.same([cut.tc, cut.answers.length, cut.additionals.length], [true, 100, 99])
})
