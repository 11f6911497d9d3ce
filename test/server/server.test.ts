import net from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { explainBindError } from '../../src/server/bind.ts'
import { Server } from '../../src/server/server.ts'
import { joinHostPort } from '../../src/wire/address.ts'
import { TcpClient, UdpClient } from './clients.ts'
import { answerLater, answerMany, answerWith, serve, silent } from './handlers.ts'
import { buildQuery, decode } from './message.ts'

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (ids: number[]): number[] => ids.toSorted((a, b) => a - b)

/** Sends queries 0 … count-1 and resolves when all have left. */
const sendAll = (client: UdpClient, count: number): Promise<unknown> =>
  Promise.all(range(count).map(id => client.send(buildQuery({ id }))))

const receiveAll = async (client: UdpClient, count: number): Promise<number[]> =>
  sorted((await Promise.all(range(count).map(() => client.receive()))).map(bytes => decode(bytes).id))

void t.test('UDP and TCP have one port', async t => {
  const { server, port } = await serve(answerMany(38))
  t.same(server.addresses(), [
    { transport: 'udp', address: '127.0.0.1', port },
    { transport: 'tcp', address: '127.0.0.1', port },
  ])
  const udp = new UdpClient(port)
  const tcp = await TcpClient.connect(port)
  const [short, whole] = [await udp.ask(buildQuery({ name: '40.' })), await tcp.ask(buildQuery({ name: '40.' }))]
  t.match([short.tc, short.answers.length, whole.tc, whole.answers.length], [true, 9, false, 40])
  udp.close()
  tcp.socket.destroy()
  await server.stop()
})

void t.test('each listener has its own zones', async t => {
  const server = new Server({
    listeners: [
      { address: '127.0.0.1', port: 0, blocks: [{ zones: ['a.'], handler: answerWith(1) }] },
      { address: '127.0.0.1', port: 0, blocks: [{ zones: ['b.'], handler: answerWith(2) }] },
    ],
    log: silent,
  })
  await server.start()
  const ports = [...new Set(server.addresses().map(({ port }) => port))]
  t.equal(ports.length, 2)
  const clients = ports.map(port => new UdpClient(port))
  t.match(await Promise.all(clients.map(client => client.ask(buildQuery({ name: 'a.' })))), [
    { rcode: 0 },
    { rcode: 5 },
  ])
  for (const client of clients) client.close()
  await server.stop()
})

for (const transport of ['udp', 'tcp'] as const) {
  void t.test(`a ${transport} port in use: one line that says so, and nothing stays open`, async t => {
    const taken = transport === 'udp' ? (await serve(answerWith(1))).server : undefined
    const holder = net.createServer()
    if (!taken) await once(holder.listen(0, '127.0.0.1'), 'listening')
    const port = taken ? taken.addresses()[0].port : (holder.address() as net.AddressInfo).port
    const blocks = [{ zones: ['.'], handler: answerWith(1) }]
    const server = new Server({
      listeners: [
        { address: '127.0.0.1', port: 0, blocks },
        { address: '127.0.0.1', port, blocks },
      ],
      log: silent,
    })
    await t.rejects(server.start(), {
      message: new RegExp(`^listen ${transport} 127\\.0\\.0\\.1:${port}: address already in use \\(.*\\)$`),
    })
    t.same(server.addresses(), [])
    await server.stop()
    await taken?.stop()
    holder.close()
  })
}

const explain = (code: string): string =>
  explainBindError('udp', joinHostPort('', 53), Object.assign(new Error('original'), { code })).message

void t.test('what hinders a socket is explained', async t => {
  t.match(explain('EACCES'), /^listen udp :53: permission denied .*CAP_NET_BIND_SERVICE/)
  t.match(explain('EADDRNOTAVAIL'), /^listen udp :53: no interface/)
  t.match(explain('EOTHER'), /^listen udp :53: original/)
  t.equal(joinHostPort('::1', 53), '[::1]:53')
})

void t.test('what a server answers with is exchanged between two messages; what waits ends as it began', async t => {
  const gate = Promise.withResolvers<number>()
  const seen = { asked: 0 }
  const { server, port } = await serve(
    answerLater(() => {
      seen.asked++
      return gate.promise
    }),
  )
  const handlerBefore = server.handler
  const udp = new UdpClient(port)
  const other = new UdpClient(port)
  const tcp = await TcpClient.connect(port)
  const waiting = udp.ask(buildQuery({ id: 1 }))
  tcp.send(buildQuery({ id: 2 }))
  const services = server.prepare({ listeners: [{ blocks: [{ zones: ['.'], handler: answerWith(2) }] }] })
  t.equal(server.handler, handlerBefore, 'to prepare changes nothing')
  const addresses = server.addresses()
  while (seen.asked < 2) await new Promise(setImmediate)
  server.change(services)
  t.equal(server.handler, services[0].dispatcher)
  t.match((await other.ask(buildQuery({ id: 3 }))).answers, [{ rdata: Buffer.from([10, 0, 0, 2]) }])
  gate.resolve(0)
  t.match((await waiting).answers, [{ rdata: Buffer.from([10, 0, 0, 9]) }])
  await tcp.receive(1)
  t.match((await tcp.ask(buildQuery({ id: 4 }))).answers, [{ rdata: Buffer.from([10, 0, 0, 2]) }])
  t.same(server.addresses(), addresses)
  udp.close()
  other.close()
  tcp.socket.destroy()
  await server.stop()
})

void t.test('sockets of one user share a port when told to', async t => {
  const options = { reusePort: true }
  const { server: first, port } = await serve(answerWith(1), options)
  const second = new Server({
    listeners: [{ address: '127.0.0.1', port, blocks: [{ zones: ['.'], handler: answerWith(2) }] }],
    log: silent,
    ...options,
  })
  await second.start()
  await first.stop()
  const client = new UdpClient(port)
  t.match((await client.ask(buildQuery())).answers, [{ rdata: Buffer.from([10, 0, 0, 2]) }])
  client.close()
  await second.stop()
})

void t.test('stop answers the 500 queries that the kernel has received', async t => {
  const { server, port } = await serve(answerWith(1))
  const client = new UdpClient(port)
  await sendAll(client, 500)
  const stopped = server.stop()
  t.same(await receiveAll(client, 500), range(500))
  await stopped
  client.close()
})

void t.test('stop answers the 500 queries whose answers wait', async t => {
  const gate = Promise.withResolvers<number>()
  let waiting = 0
  const handler = answerLater(async () => {
    const place = waiting++
    // The last one is read by the stop that is under way.
    if (place === 499) setImmediate(() => gate.resolve(0))
    await gate.promise
    // A few at a time: the client's socket has not room for all.
    for (let turns = place / 20; turns > 0; turns--) await new Promise(setImmediate)
    return 0
  })
  const { server, port } = await serve(handler)
  const client = new UdpClient(port)
  await sendAll(client, 500)
  const stopped = server.stop()
  t.same(await receiveAll(client, 500), range(500))
  await stopped
  client.close()
})

void t.test('stop over TCP: what was read is answered, then the connections close', async t => {
  const gate = Promise.withResolvers<number>()
  const asked = Promise.withResolvers<void>()
  const handler = answerLater(() => {
    asked.resolve()
    return gate.promise
  })
  const { server, port } = await serve(handler)
  const [client, idle] = [await TcpClient.connect(port), await TcpClient.connect(port)]
  client.send(...range(500).map(id => buildQuery({ id })))
  await asked.promise
  const stopped = server.stop()
  gate.resolve(0)
  t.same(sorted((await client.receive(500)).map(({ id }) => id)), range(500))
  await Promise.all([client.closed, idle.closed, stopped])
  await t.rejects(TcpClient.connect(port), { code: 'ECONNREFUSED' })
})

void t.test('stop does not wait for ever, and is the same stop when called again', async t => {
  const asked = Promise.withResolvers<void>()
  const handler = answerLater(() => {
    asked.resolve()
    return new Promise(() => {})
  })
  const { server, port } = await serve(handler)
  const client = new UdpClient(port)
  const tcp = await TcpClient.connect(port)
  tcp.send(buildQuery())
  await client.send(buildQuery())
  await asked.promise
  const first = server.stop({ graceMs: 20 })
  t.equal(server.stop(), first)
  await first
  await tcp.closed
  t.same(server.addresses(), [])
  client.close()
})

void t.test('an answer that is ready after the end goes nowhere', async t => {
  const gate = Promise.withResolvers<number>()
  const asked = Promise.withResolvers<void>()
  const handler = answerLater(() => {
    asked.resolve()
    return gate.promise
  })
  const { server, port } = await serve(handler)
  const client = new UdpClient(port)
  await client.send(buildQuery())
  await asked.promise
  await server.stop({ graceMs: 0 })
  gate.resolve(0)
  await new Promise(setImmediate)
  t.same(server.addresses(), [])
  client.close()
})

void t.test('a stop during the start leaves nothing open', async t => {
  const server = new Server({
    listeners: [{ address: '127.0.0.1', port: 0, blocks: [{ zones: ['.'], handler: answerWith(1) }] }],
    log: silent,
  })
  await Promise.all([server.start(), server.stop()])
  t.same(server.addresses(), [])
})
