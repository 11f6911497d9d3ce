import { once } from 'node:events'
import t from 'tap'
import { type Handler, NO_ANSWER } from '../../src/server/handler.ts'
import { TcpBudget } from '../../src/server/budget.ts'
import type { ServerObserver } from '../../src/server/observer.ts'
import { Dispatcher } from '../../src/server/dispatcher.ts'
import { ExchangePool } from '../../src/server/exchange.ts'
import { TCP_LIMITS, TcpListener, type TcpLimits } from '../../src/server/tcp.ts'
import { TcpClient, frame } from './clients.ts'
import { answerLater, answerMany, answerWith, silent } from './handlers.ts'
import { buildQuery } from './message.ts'

/** A listener whose connections end by what the test does, unless it sets a limit. */
async function listen(
  t: { teardown: (end: () => Promise<void>) => void },
  handler: Handler,
  limits: Partial<TcpLimits> = {},
  { budget = new TcpBudget(), observer = {} }: { budget?: TcpBudget; observer?: ServerObserver } = {},
): Promise<TcpListener> {
  const pool = new ExchangePool()
  const dispatcher = new Dispatcher([{ zones: ['.'], handler }], pool, silent, observer)
  const patient = { idleTimeoutMs: 60_000, readTimeoutMs: 60_000, writeTimeoutMs: 60_000 }
  const service = { dispatcher, observer, tcpLimits: { ...TCP_LIMITS, ...patient, ...limits } }
  const listener = new TcpListener({ address: '127.0.0.1', port: 0, reusePort: false, pool, budget, service })
  await listener.open()
  t.teardown(() => listener.close(0))
  return listener
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

void t.test('several queries on one connection, without truncation', async t => {
  const { port } = await listen(t, answerMany(100))
  const client = await TcpClient.connect(port)
  for (const [id, count] of [10, 500, 0].entries()) {
    const message = await client.ask(buildQuery({ id, name: `${count}.`, edns: { size: 512 } }))
    t.match(message, { id, tc: false, edns: { size: 512 } })
    t.equal(message.answers.length, count)
  }
  client.socket.end()
  await client.closed
})

void t.test('beyond 65,535 octets TC is set', async t => {
  const { port } = await listen(t, answerMany(1_000))
  const client = await TcpClient.connect(port)
  const message = await client.ask(buildQuery({ name: '100.' }))
  t.match(message, { tc: true })
  t.equal(message.answers.length, 64)
  client.socket.destroy()
})

void t.test('a query that comes octet by octet', async t => {
  const { port } = await listen(t, answerWith(1))
  const client = await TcpClient.connect(port)
  for (const octet of frame(buildQuery({ id: 77 }))) {
    await new Promise<void>(resolve => client.socket.write(Uint8Array.of(octet), () => resolve()))
  }
  t.match(await client.receive(1), [{ id: 77, rcode: 0 }])
  client.socket.destroy()
})

void t.test('1,000 queries at once', async t => {
  const { port } = await listen(t, answerMany(20))
  const client = await TcpClient.connect(port)
  client.send(...range(1_000).map(id => buildQuery({ id, name: '3.' })))
  const messages = await client.receive(1_000)
  t.same(
    messages.map(({ id }) => id),
    range(1_000),
  )
  client.socket.destroy()
})

void t.test('1,000 queries at once whose answers wait', async t => {
  const { port } = await listen(
    t,
    answerLater(() => new Promise(resolve => setImmediate(resolve, 0))),
  )
  const client = await TcpClient.connect(port)
  client.send(...range(1_000).map(id => buildQuery({ id })))
  const messages = await client.receive(1_000)
  t.same(
    messages.map(({ id }) => id).toSorted((a, b) => a - b),
    range(1_000),
  )
  client.socket.destroy()
})

void t.test('who is ready first is answered first', async t => {
  const gate = Promise.withResolvers<number>()
  const good = answerWith(1)
  const slow = answerLater(() => gate.promise)
  const { port } = await listen(t, { serve: (query, reply) => (query.id === 1 ? slow : good).serve(query, reply) })
  const client = await TcpClient.connect(port)
  client.send(buildQuery({ id: 1 }), buildQuery({ id: 2 }))
  t.match(await client.receive(1), [{ id: 2 }])
  gate.resolve(0)
  t.match(await client.receive(2), [{ id: 2 }, { id: 1 }])
  client.socket.destroy()
})

void t.test('a client that ends its side gets its answers', async t => {
  const gate = Promise.withResolvers<number>()
  const asked = Promise.withResolvers<void>()
  const handler = answerLater(() => {
    asked.resolve()
    return gate.promise
  })
  const { port } = await listen(t, handler)
  const client = await TcpClient.connect(port, '127.0.0.1', true)
  client.send(...range(100).map(id => buildQuery({ id })))
  client.socket.end()
  await asked.promise
  // A few turns later the server has seen the end of what it reads.
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
  gate.resolve(0)
  t.equal((await client.receive(100)).length, 100)
  await client.closed
})

void t.test('a client that ends its side midway is let go', async t => {
  const { port } = await listen(t, answerWith(1))
  const client = await TcpClient.connect(port)
  client.socket.end(frame(buildQuery()).subarray(0, 9))
  await client.closed
  t.same(client.messages, [])
})

void t.test('a reset with queries outstanding harms nobody else', async t => {
  const gate = Promise.withResolvers<number>()
  const asked = Promise.withResolvers<void>()
  const slow = answerLater(() => {
    asked.resolve()
    return gate.promise
  })
  const good = answerWith(1)
  const listener = await listen(t, { serve: (query, reply) => (query.id === 1 ? slow : good).serve(query, reply) })
  const other = await TcpClient.connect(listener.port)
  const client = await TcpClient.connect(listener.port)
  client.send(...range(200).map(() => buildQuery({ id: 1 })))
  await asked.promise
  client.socket.resetAndDestroy()
  await client.closed
  gate.resolve(0)
  t.match(await other.ask(buildQuery({ id: 2 })), { id: 2, rcode: 0 })
  other.socket.destroy()
})

for (const [name, message] of [
  ['an answer', buildQuery({ flags: 0x8000 })],
  ['a message without a header', Buffer.from([1, 2, 3])],
  ['an empty message', Buffer.alloc(0)],
] as const) {
  void t.test(`${name} closes the connection, after the answers before it`, async t => {
    const { port } = await listen(
      t,
      answerLater(() => Promise.resolve(0)),
    )
    const client = await TcpClient.connect(port)
    client.send(buildQuery({ id: 1 }), message, buildQuery({ id: 2 }))
    await client.closed
    t.match(await client.receive(1), [{ id: 1 }])
    t.equal(client.messages.length, 1)
  })
}

void t.test('an idle connection is closed', async t => {
  const { port } = await listen(t, answerWith(1), { idleTimeoutMs: 30 })
  const silentClient = await TcpClient.connect(port)
  const client = await TcpClient.connect(port)
  t.match(await client.ask(buildQuery({ id: 1 })), { id: 1 })
  await Promise.all([client.closed, silentClient.closed])
})

void t.test('a connection whose query waits is not idle', async t => {
  const gate = Promise.withResolvers<number>()
  const { port } = await listen(
    t,
    answerLater(() => gate.promise),
    { idleTimeoutMs: 10 },
  )
  const witness = await TcpClient.connect(port)
  const client = await TcpClient.connect(port)
  client.send(buildQuery({ id: 1 }))
  await witness.closed
  gate.resolve(0)
  t.match(await client.receive(1), [{ id: 1 }])
  await client.closed
})

void t.test('a message that stalls midway closes the connection', async t => {
  const { port } = await listen(t, answerWith(1), { readTimeoutMs: 30 })
  for (const length of [1, 2, 9]) {
    const client = await TcpClient.connect(port)
    client.socket.write(Buffer.concat([frame(buildQuery({ id: 1 })), frame(buildQuery()).subarray(0, length)]))
    await client.closed
    t.match(await client.receive(1), [{ id: 1 }])
  }
})

void t.test('octets that trickle in do not hold a message open', async t => {
  const { port } = await listen(t, answerWith(1), { readTimeoutMs: 40 })
  const client = await TcpClient.connect(port)
  client.socket.write(Buffer.from([0xff, 0xff]))
  const trickle = setInterval(() => client.socket.write(Buffer.from([0])), 2)
  await client.closed
  clearInterval(trickle)
  t.same(client.messages, [])
})

void t.test('a client that never reads is paused, then cut off', async t => {
  let answered = 0
  const many = answerMany(600)
  const listener = await listen(
    t,
    {
      serve(query, reply) {
        answered++
        return many.serve(query, reply)
      },
    },
    { writeTimeoutMs: 50 },
  )
  const client = await TcpClient.connect(listener.port)
  client.socket.pause()
  // 20,000 answers of 61,000 octets each would be 1.2 GB.
  client.send(...range(20_000).map(id => buildQuery({ id, name: '100.' })))
  // Who neither reads nor writes does not notice its end.
  const writes = setInterval(() => client.send(buildQuery({ name: '100.' })), 5)
  await client.closed
  clearInterval(writes)
  t.ok(answered < 2_000, `${answered} answers were made`)
  while (listener.connections > 0) await new Promise(setImmediate)
})

void t.test('a client that reads late gets every answer', async t => {
  const { port } = await listen(t, answerMany(600))
  const client = await TcpClient.connect(port)
  client.socket.pause()
  client.send(...range(300).map(id => buildQuery({ id, name: '100.' })))
  const other = await TcpClient.connect(port)
  t.match(await other.ask(buildQuery({ id: 9, name: '1.' })), { id: 9 })
  other.socket.destroy()
  client.socket.resume()
  const messages = await client.receive(300)
  t.same(
    messages.map(({ id }) => id),
    range(300),
  )
  client.socket.destroy()
})

void t.test('when full, the connection that is idle longest gives way', async t => {
  const { port } = await listen(t, answerWith(1), { maxConnections: 2 })
  const [first, second] = [await TcpClient.connect(port), await TcpClient.connect(port)]
  await second.ask(buildQuery())
  await first.ask(buildQuery())
  const third = await TcpClient.connect(port)
  t.match(await third.ask(buildQuery({ id: 3 })), { id: 3 })
  await second.closed
  t.match(await first.ask(buildQuery({ id: 4 })), { id: 4 })
  first.socket.destroy()
  third.socket.destroy()
})

void t.test('when full of busy ones, the new one is turned away', async t => {
  const gate = Promise.withResolvers<number>()
  let waiting = 0
  const bothWait = Promise.withResolvers<void>()
  const handler = answerLater(() => {
    if (++waiting === 2) bothWait.resolve()
    return gate.promise
  })
  const listener = await listen(t, handler, { maxConnections: 2 })
  const clients = [await TcpClient.connect(listener.port), await TcpClient.connect(listener.port)]
  for (const client of clients) client.send(buildQuery({ id: 1 }))
  await bothWait.promise
  const third = await TcpClient.connect(listener.port)
  await third.closed
  t.equal(listener.connections, 2)
  gate.resolve(0)
  for (const client of clients) {
    t.match(await client.receive(1), [{ id: 1 }])
    client.socket.end()
    await once(client.socket, 'close')
  }
})

void t.test('a query that gets no answer leaves the connection to the next', async t => {
  for (const drop of [(): number => NO_ANSWER, (): Promise<number> => Promise.resolve(NO_ANSWER)]) {
    const answering = answerWith(1)
    const handler: Handler = {
      serve: (query, reply) => (query.qtype === 28 ? drop() : answering.serve(query, reply)),
    }
    const { port } = await listen(t, handler)
    const client = await TcpClient.connect(port)
    client.send(buildQuery({ id: 1, type: 28 }))
    client.send(buildQuery({ id: 2, type: 1 }))
    t.match(await client.receive(1), [{ id: 2 }])
    client.socket.end()
    await client.closed
    t.equal(client.messages.length, 1)
  }
})

/** Begins a message of 65,535 octets and sends `length` of it; the server holds at least these. */
async function beginMessage(port: number, budget: TcpBudget, length: number): Promise<TcpClient> {
  const before = budget.octets
  const client = await TcpClient.connect(port)
  client.socket.write(Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(length)]))
  while (budget.octets < before + length) await new Promise(setImmediate)
  return client
}

void t.test('what connections hold is counted until it is answered, taken, or they end', async t => {
  const budget = new TcpBudget()
  const told: [number, number][] = []
  const observer: ServerObserver = { connectionsChanged: (count, octets) => void told.push([count, octets]) }
  const { port } = await listen(t, answerWith(1), {}, { budget, observer })
  const client = await beginMessage(port, budget, 40_000)
  t.equal(told.at(-1)?.[0], 1)
  t.ok((told.at(-1)?.[1] ?? 0) >= 40_000)
  client.socket.resetAndDestroy()
  while (budget.octets > 0) await new Promise(setImmediate)
  t.same(told.at(-1), [0, 0])
  const other = await TcpClient.connect(port)
  await other.ask(buildQuery())
  t.equal(budget.octets, 0)
  other.socket.destroy()
})

void t.test('when all hold too much, who holds its share and has not moved for longest is dropped', async t => {
  const budget = new TcpBudget(400_000)
  const drops: string[] = []
  let most = 0
  const observer: ServerObserver = {
    connectionDropped: reason => void drops.push(reason),
    connectionsChanged: (_count, octets) => void (most = Math.max(most, octets)),
  }
  const { port } = await listen(t, answerWith(1), {}, { budget, observer })
  const small = await beginMessage(port, budget, 100)
  const first = await beginMessage(port, budget, 60_000)
  const second = await beginMessage(port, budget, 60_000)
  const others = []
  while (drops.length < 2) {
    const client = await TcpClient.connect(port)
    client.socket.write(Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(60_000)]))
    others.push(client)
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate)
  }
  await Promise.all([first.closed, second.closed])
  t.same(new Set(drops), new Set(['memory']))
  t.ok(others.length <= 8)
  t.ok(most <= budget.maxOctets)
  t.notOk(small.socket.destroyed)
  const reader = await TcpClient.connect(port)
  t.match(await reader.ask(buildQuery({ id: 5 })), { id: 5 })
  for (const client of [small, reader, ...others]) client.socket.destroy()
})

void t.test('clients that take no answers are dropped when they hold too much, and who takes them is not', async t => {
  const budget = new TcpBudget(500_000)
  const drops: string[] = []
  let most = 0
  const observer: ServerObserver = {
    connectionDropped: reason => void drops.push(reason),
    connectionsChanged: (_count, octets) => void (most = Math.max(most, octets)),
  }
  const { port } = await listen(t, answerMany(600), {}, { budget, observer })
  const reader = await TcpClient.connect(port)
  const deaf = await Promise.all(range(12).map(() => TcpClient.connect(port)))
  // 400 answers of 61,000 octets are more than kernels keep.
  const queries = range(400).map(id => buildQuery({ id, name: '100.' }))
  for (const { socket } of deaf) socket.pause()
  for (const client of deaf) client.send(...queries)
  while (drops.length === 0) {
    reader.send(...queries.slice(0, 10))
    await reader.receive(10)
    reader.messages.length = 0
  }
  t.equal(drops[0], 'memory')
  reader.send(...queries)
  t.equal((await reader.receive(400)).length, 400)
  t.ok(most <= budget.maxOctets)
  for (const client of [reader, ...deaf]) client.socket.destroy()
})
