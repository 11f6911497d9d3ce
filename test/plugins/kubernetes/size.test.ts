import t from 'tap'
import { KubernetesHandler } from '../../../src/plugins/kubernetes/kubernetes.ts'
import { NO_MAXIMUM } from '../../../src/plugins/kubernetes/sample.ts'
import { parseAddress } from '../../../src/wire/address.ts'
import { Rcode, Type } from '../../../src/wire/constants.ts'
import { parseName } from '../../../src/wire/name.ts'
import { Query, Transport } from '../../../src/wire/query.ts'
import { Reply } from '../../../src/wire/reply.ts'
import { ZoneImage } from '../../../src/zones/image.ts'
import { ZoneWriter } from '../../../src/zones/writer.ts'
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

/** Counts what is copied, and what is written octet by octet. */
class CountingReply extends Reply {
  readonly copies: number[] = []
  writes = 0

  override copy(source: Buffer, from: number, length: number): void {
    this.copies.push(length)
    super.copy(source, from, length)
  }

  override write8(value: number): void {
    this.writes++
    super.write8(value)
  }

  override write16(value: number): void {
    this.writes++
    super.write16(value)
  }
}

void t.test(
  'a thousand addresses are one copy out of the image; where they do not fit, nothing behind the last that does is looked at',
  async t => {
    const zone = parseName('cluster.local.')!
    const name = parseName(NAME)!
    const writer = new ZoneWriter([zone])
    writer.publish(name, [{ type: Type.A, ttlSeconds: 5, rdata: addresses.map(address => parseAddress(address)!) }])
    const image = new ZoneImage(writer.buffer)
    const none = { serve: () => Rcode.REFUSED }
    const options = {
      ttlSeconds: 5,
      negativeTtlSeconds: 5,
      maxAnswers: NO_MAXIMUM,
      podsInsecure: false,
      fallthrough: [],
    }
    const handler = new KubernetesHandler(image, { zones: [zone], ...options }, 0, none, none)
    const serve = (transport: Transport, size: number): CountingReply => {
      const query = new Query()
      const message = buildQuery({ name: NAME, type: Type.A, edns: { size } })
      query.transport = transport
      query.parse(message, 0, message.length)
      const reply = new CountingReply(Buffer.alloc(65_535))
      reply.begin(query)
      t.equal(handler.serve(query, reply), Rcode.NOERROR)
      t.equal(reply.writes, 0, 'no record is written anew')
      return reply
    }
    const block = image.lookup(name, 0, name.length)
    const entry = image.entry(block, Type.A)
    const encoded = image.bytes.subarray(image.offset(block, entry), image.offset(block, entry) + image.length(entry))

    const whole = serve(Transport.TCP, 1_232)
    t.same(whole.copies, [encoded.length])
    t.ok(whole.bytes.subarray(0, whole.position).subarray(-encoded.length).equals(encoded))
    t.equal(whole.truncated, false)

    const head = whole.position - encoded.length
    const cut = serve(Transport.UDP, 1_232)
    const room = Math.floor((1_232 - head - 11) / 16)
    t.same(cut.copies, Array(room).fill(16))
    t.ok(cut.bytes.subarray(head, cut.position).equals(encoded.subarray(0, room * 16)))
    t.equal(cut.truncated, true)
  },
)
