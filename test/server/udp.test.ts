import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import t from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { ClientAddresses } from '../../src/server/client.ts'
import { Server, type ServerOptions } from '../../src/server/server.ts'
import { formatAddress } from '../../src/wire/address.ts'
import { UdpClient } from './clients.ts'
import { answerLater, answerMany, answerWith, serve, silent } from './handlers.ts'
import { buildQuery } from './message.ts'

const hasIpv6 = Object.values(networkInterfaces()).some(list => list?.some(({ address }) => address === '::1'))

async function connect(
  t: { teardown: (end: () => Promise<void>) => void },
  handler: Handler,
  options: Partial<ServerOptions> = {},
  clientAddress = '127.0.0.1',
): Promise<{ port: number; client: UdpClient }> {
  const { server, port } = await serve(handler, options)
  const client = new UdpClient(port, clientAddress)
  t.teardown(async () => {
    client.close()
    await server.stop({ graceMs: 0 })
  })
  return { port, client }
}

void t.test('a question gets its answer', async t => {
  const { client } = await connect(t, answerWith(7))
  const message = await client.ask(buildQuery({ id: 0x1234, name: 'wWw.Example.', flags: 0x0100, edns: {} }))
  t.match(message, {
    id: 0x1234,
    rcode: 0,
    aa: true,
    rd: true,
    ra: false,
    questions: [{ name: 'wWw.Example.', type: 1, class: 1 }],
    answers: [{ owner: 'wWw.Example.', type: 1, class: 1, ttl: 30, rdata: Buffer.from([10, 0, 0, 7]) }],
    edns: { size: 1232 },
  })
})

void t.test('answers that wait leave when they are ready', async t => {
  const gates = [Promise.withResolvers<number>(), Promise.withResolvers<number>()]
  let next = 0
  const { client } = await connect(
    t,
    answerLater(() => gates[next++].promise),
  )
  await client.send(buildQuery({ id: 1 }))
  const second = client.ask(buildQuery({ id: 2 }))
  gates[1].resolve(0)
  t.match(await second, { id: 2, rcode: 0, answers: [{ rdata: Buffer.from([10, 0, 0, 9]) }] })
  const first = client.ask(buildQuery({ id: 3, flags: 5 << 11 }))
  t.match(await first, { id: 3, rcode: 4 })
  gates[0].resolve(3)
  t.match((await client.receive()).readUInt16BE(0), 1)
})

void t.test('what must not be answered is not, and harms nobody', async t => {
  const { client } = await connect(t, answerWith(1))
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from([1]),
    buildQuery({ id: 2 }).subarray(0, 11),
    buildQuery({ id: 3, flags: 0x8000 }),
  ]) {
    await client.send(bytes)
  }
  t.match(await client.ask(buildQuery({ id: 4 })), { id: 4, rcode: 0 })
})

void t.test('a handler that throws costs one SERVFAIL', async t => {
  let count = 0
  const good = answerWith(1)
  const { client } = await connect(t, {
    serve(query, reply) {
      if (count++ === 0) throw new Error('broken')
      return good.serve(query, reply)
    },
  })
  t.match(await client.ask(buildQuery({ id: 1 })), { id: 1, rcode: 2, answers: [] })
  t.match(await client.ask(buildQuery({ id: 2 })), { id: 2, rcode: 0 })
})

void t.test('an answer is cut to what the client takes', async t => {
  const { client } = await connect(t, answerMany(38))
  for (const [size, tc, count] of [
    [undefined, true, 9],
    [1232, true, 24],
    [4096, false, 40],
  ] as const) {
    const message = await client.ask(buildQuery({ name: '40.', edns: size ? { size } : undefined }))
    t.equal(message.tc, tc)
    t.equal(message.answers.length, count)
  }
})

void t.test('the largest datagram leaves', async t => {
  const { client } = await connect(t, answerMany(1_000))
  const message = await client.ask(buildQuery({ name: '100.', edns: { size: 65_535 } }))
  t.equal(message.answers.length, 64)
  t.equal(message.tc, true)
})

void t.test('a reply that the system does not take is counted, and the next one leaves', async t => {
  const failed = Promise.withResolvers<Error>()
  const good = answerWith(1)
  const { client } = await connect(
    t,
    {
      serve(query, reply) {
        if (query.id !== 1) return good.serve(query, reply)
        // Breaks its contract: no datagram is so long.
        reply.maxSize = 65_535
        reply.hasRoom(65_000)
        reply.position = 65_530
        return 0
      },
    },
    { observer: { socketFailed: failed.resolve } },
  )
  await client.send(buildQuery({ id: 1 }))
  t.match((await failed.promise).message, /EMSGSIZE/)
  t.match(await client.ask(buildQuery({ id: 2 })), { id: 2, rcode: 0 })
})

void t.test('the handler learns who asks', async t => {
  const seen: string[] = []
  const good = answerWith(1)
  const spy: Handler = {
    serve(query, reply) {
      seen.push(`${formatAddress(query.clientAddress)} ${query.clientPort} ${query.transport}`)
      return good.serve(query, reply)
    },
  }
  const server = new Server({ listeners: [{ port: 0, blocks: [{ zones: ['.'], handler: spy }] }], log: silent })
  await server.start()
  const [{ port }] = server.addresses()
  for (const address of hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
    const client = new UdpClient(port, address)
    await client.ask(buildQuery())
    // An IPv4 client of the dual-stack socket is an IPv4 client.
    t.same(seen.splice(0), [`${address} ${client.socket.address().port} 0`])
    client.close()
  }
  await server.stop()
})

void t.test('addresses of clients as octets', async t => {
  const clients = new ClientAddresses()
  for (const [text, octets] of [
    ['10.1.2.3', [10, 1, 2, 3]],
    ['::ffff:10.1.2.3', [10, 1, 2, 3]],
    ['::ffff:a01:203', [10, 1, 2, 3]],
    ['::1', [...Array(15).fill(0), 1]],
    ['fe80::1%eth0', [0xfe, 0x80, ...Array(13).fill(0), 1]],
  ] as const) {
    t.same([...clients.octets(text)], octets, text)
    t.equal(clients.octets(text), clients.octets(text), 'the same octets for the same client')
  }
  for (let i = 0; i < 10_000; i++) clients.octets(`10.0.${i >> 8}.${i & 255}`)
  t.same([...clients.octets('10.0.39.15')], [10, 0, 39, 15])
})

const linkLocal = Object.entries(networkInterfaces())
  .flatMap(([name, list]) => (list ?? []).map(({ address }) => ({ name, address })))
  .find(({ address }) => isIPv6(address) && address.startsWith('fe80:'))
void t.test('a link-local client gets its reply', { skip: linkLocal ? false : 'no such address here' }, async t => {
  const address = `${linkLocal?.address}%${linkLocal?.name}`
  const server = new Server({
    listeners: [{ address, port: 0, blocks: [{ zones: ['.'], handler: answerWith(1) }] }],
    log: silent,
  })
  await server.start()
  const client = new UdpClient(server.addresses()[0].port, address)
  t.match(await client.ask(buildQuery({ id: 5 })), { id: 5, rcode: 0 })
  client.close()
  await server.stop()
})
