import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Handler, NO_ANSWER } from '../../src/server/handler.ts'
import { Dispatcher, NO_REPLY, type ServerBlock } from '../../src/server/dispatcher.ts'
import { type Exchange, ExchangePool } from '../../src/server/exchange.ts'
import type { ServerObserver } from '../../src/server/observer.ts'
import { formatName } from '../../src/wire/name.ts'
import { Transport } from '../../src/wire/query.ts'
import { answerLater, answerMany, answerWith, recorder, silent } from './handlers.ts'
import { buildQuery, decode, type Message, type QueryOptions } from './message.ts'

interface Setup {
  blocks: ServerBlock[]
  observer?: ServerObserver
  log?: typeof silent
  maxTaken?: number
}

class Bench {
  readonly pool: ExchangePool
  readonly dispatcher: Dispatcher

  constructor({ blocks, observer = {}, log = silent, maxTaken }: Setup) {
    this.pool = new ExchangePool(maxTaken)
    this.dispatcher = new Dispatcher(blocks, this.pool, log, observer)
  }

  /** What goes out for `bytes`; undefined for nothing. */
  answer(bytes: Uint8Array, transport: Transport = Transport.UDP): Promise<Buffer | undefined> {
    const exchange = this.pool.take()
    exchange.query.transport = transport
    const length = this.dispatcher.answer(exchange, bytes, 0, bytes.length, 2)
    return this.#finish(exchange, length)
  }

  async #finish(exchange: Exchange, answered: number | Promise<number>): Promise<Buffer | undefined> {
    const length = await answered
    const reply = Buffer.from(exchange.reply.bytes.subarray(2, 2 + length))
    this.pool.giveBack(exchange)
    return length === NO_REPLY ? undefined : reply
  }

  async ask(options: QueryOptions): Promise<Message> {
    return decode((await this.answer(buildQuery(options)))!)
  }
}

const block = (zones: string[], number: number): ServerBlock => ({ zones, handler: answerWith(number) })
const chosen = (message: Message): number | string =>
  message.answers.length > 0 ? message.answers[0].rdata[3] : `rcode ${message.rcode}`

void t.test('the block of the longest zone answers', async t => {
  const bench = new Bench({
    blocks: [
      block(['cluster.local.', '10.in-addr.arpa.'], 1),
      block(['svc.cluster.local.'], 2),
      block(['EXAMPLE.'], 3),
      block(['local.'], 4),
    ],
  })
  const cases: [string, number | string][] = [
    ['cluster.local.', 1],
    ['a.b.cluster.local.', 1],
    ['CLUSTER.Local.', 1],
    ['svc.cluster.local.', 2],
    ['x.SVC.cluster.local.', 2],
    ['xsvc.cluster.local.', 1],
    ['xcluster.local.', 4],
    ['1.0.0.10.in-addr.arpa.', 1],
    ['1.0.0.110.in-addr.arpa.', 'rcode 5'],
    ['a.example.', 3],
    ['example.org.', 'rcode 5'],
    ['.', 'rcode 5'],
    // Octets that look like a label boundary: one label `x\007cluster`.
    ['x\u0007cluster.local.', 4],
  ]
  for (const [name, expected] of cases) t.equal(chosen(await bench.ask({ name })), expected, name)
})

void t.test('the root is the zone of last resort', async t => {
  const bench = new Bench({ blocks: [block(['.'], 1), block(['example.'], 2)] })
  for (const [name, expected] of [
    ['.', 1],
    ['a.', 1],
    ['a.example.', 2],
    ['example.', 2],
  ] as const) {
    t.equal(chosen(await bench.ask({ name })), expected, name)
  }
})

void t.test('DS at an apex goes to the parent if it is here', async t => {
  const bench = new Bench({
    blocks: [block(['.'], 1), block(['local.'], 2), block(['cluster.local.'], 3), block(['example.'], 4)],
  })
  for (const [name, expected] of [
    ['cluster.local.', 2],
    ['a.cluster.local.', 3],
    ['local.', 2],
    ['example.', 4],
    ['a.', 1],
    ['.', 1],
  ] as const) {
    t.equal(chosen(await bench.ask({ name, type: 43 })), expected, name)
  }
  t.equal(chosen(await bench.ask({ name: 'cluster.local.', type: 1 })), 3)
})

void t.test('a zone that is no name, or is there twice, is told at once', async t => {
  t.throws(() => new Bench({ blocks: [block(['a..b'], 1)] }), /zone a\.\.b: not a domain name/)
  t.throws(() => new Bench({ blocks: [block(['a.'], 1), block(['A.'], 2)] }), /two server blocks/)
})

void t.test('the longest zone is found as a naive search finds it', async t => {
  const label = fc.constantFrom('a', 'b', 'ab', 'c', 'A')
  const name = fc.array(label, { maxLength: 5 }).map(labels => `${labels.join('.')}.`)
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 8, selector: zone => zone.toLowerCase() }),
      name,
      async (zones, qname) => {
        const bench = new Bench({ blocks: zones.map((zone, i) => block([zone], i)) })
        const lower = zones.map(zone => zone.toLowerCase())
        const best = lower
          .filter(zone => zone === '.' || qname.toLowerCase() === zone || qname.toLowerCase().endsWith(`.${zone}`))
          .toSorted((a, b) => b.length - a.length)
        assert.equal(chosen(await bench.ask({ name: qname })), best.length > 0 ? lower.indexOf(best[0]) : 'rcode 5')
      },
    ),
  )
  t.pass('all of them')
})

void t.test('no zone: REFUSED, empty, without AA, and counted', async t => {
  const seen: unknown[] = []
  const bench = new Bench({
    blocks: [block(['example.'], 1)],
    observer: { refused: (query, reply, rcode) => seen.push([formatName(query.name), reply.size, rcode]) },
  })
  const message = await bench.ask({ name: 'Other.', edns: {} })
  t.match(message, { rcode: 5, aa: false, answers: [], authorities: [], additionals: [], edns: { size: 1232 } })
  t.same(seen, [['other.', 12 + 7 + 4 + 11, 5]])
})

void t.test('a class other than IN is refused unless the block takes it', async t => {
  const bench = new Bench({ blocks: [block(['a.'], 1), { ...block(['b.'], 2), otherClasses: true }] })
  t.equal(chosen(await bench.ask({ name: 'a.', class: 3 })), 'rcode 5')
  t.equal(chosen(await bench.ask({ name: 'a.', class: 255 })), 'rcode 5')
  t.equal(chosen(await bench.ask({ name: 'b.', class: 3 })), 2)
})

void t.test('what is rejected never reaches a handler', async t => {
  const bench = new Bench({ blocks: [{ zones: ['.'], handler: { serve: () => t.fail('handler') as never } }] })
  t.match(await bench.ask({ flags: 5 << 11 }), { rcode: 4, opcode: 5, questions: [] })
  t.match(await bench.ask({ qdcount: 0 }), { rcode: 1, questions: [] })
  t.match(await bench.ask({ ancount: 1 }), { rcode: 1, questions: [{ name: 'www.example.' }] })
  t.match(await bench.ask({ edns: { version: 3 } }), { rcode: 16, edns: { version: 0 } })
  t.equal(await bench.answer(buildQuery({ flags: 0x8000 })), undefined)
  t.equal(await bench.answer(Buffer.alloc(5)), undefined)
})

const failures: [string, Handler][] = [
  [
    'throws',
    {
      serve: () => {
        throw new Error('broken')
      },
    },
  ],
  ['rejects', { serve: () => Promise.reject(new Error('broken')) }],
  [
    'throws after it has written',
    {
      serve(_query, reply) {
        reply.authoritative = true
        for (let i = 0; i < 100; i++) reply.addRecord(0, 1, 5, new Uint8Array(4))
        throw new Error('broken')
      },
    },
  ],
]
for (const [name, handler] of failures) {
  void t.test(`a handler that ${name}: SERVFAIL begun anew, counted, logged once`, async t => {
    const { log, lines } = recorder()
    const panics: unknown[] = []
    const refusals: number[] = []
    const observer: ServerObserver = {
      panicked: error => panics.push(error),
      refused: (_query, _reply, rcode) => refusals.push(rcode),
    }
    const bench = new Bench({ blocks: [{ zones: ['.'], handler }], observer, log })
    for (let i = 0; i < 3; i++) {
      t.match(await bench.ask({ id: i, edns: {} }), {
        id: i,
        rcode: 2,
        aa: false,
        tc: false,
        answers: [],
        questions: [{ name: 'www.example.' }],
        edns: { size: 1232 },
      })
    }
    t.equal(panics.length, 3)
    t.same(refusals, [2, 2, 2])
    t.equal(lines.length, 1)
    t.match(lines[0].msg, 'broken')
    t.match(lines[0].err?.stack, /dispatcher\.test/)
  })
}

void t.test('what a handler throws need not be an Error', async t => {
  const { log, lines } = recorder()
  const handler: Handler = { serve: () => Promise.reject('just text') }
  const bench = new Bench({ blocks: [{ zones: ['.'], handler }], log })
  t.match(await bench.ask({}), { rcode: 2 })
  t.match(lines[0].msg, 'just text')
})

void t.test('a query that waits keeps its message though the transport uses its buffer again', async t => {
  const gate = Promise.withResolvers<void>()
  const seen: string[] = []
  const bench = new Bench({
    blocks: [
      {
        zones: ['.'],
        handler: {
          async serve(query) {
            await gate.promise
            const message = Buffer.from(query.bytes.subarray(query.start, query.end))
            seen.push(message.toString('hex'))
            t.equal(query.size, message.length)
            t.equal(query.questionEnd - query.start, message.length - 11, 'OPT comes after the question')
            return 0
          },
        },
      },
    ],
  })
  const messages = [1, 2, 3].map(id => buildQuery({ id, name: `${'abc'.slice(0, id)}.Example.`, edns: {} }))
  const buffer = new Uint8Array(600)
  const replies = messages.map(message => {
    buffer.fill(0xff)
    buffer.set(message, 100)
    const exchange = bench.pool.take()
    const length = bench.dispatcher.answer(exchange, buffer, 100, 100 + message.length, 0)
    buffer.fill(0xff)
    return Promise.resolve(length).then(length => decode(exchange.reply.bytes.subarray(0, length)))
  })
  gate.resolve()
  t.match(await Promise.all(replies), [
    { id: 1, questions: [{ name: 'a.Example.' }] },
    { id: 2, questions: [{ name: 'ab.Example.' }] },
    { id: 3, questions: [{ name: 'abc.Example.' }] },
  ])
  t.same(
    seen,
    messages.map(message => message.toString('hex')),
  )
})

void t.test('too many that wait: SERVFAIL at once, until some have their answers', async t => {
  const gate = Promise.withResolvers<number>()
  const refusals: number[] = []
  const bench = new Bench({
    blocks: [{ zones: ['.'], handler: answerLater(() => gate.promise) }],
    maxTaken: 3,
    observer: { refused: (_query, _reply, rcode) => refusals.push(rcode) },
  })
  const waiting = [1, 2, 3].map(id => bench.ask({ id }))
  t.match(await bench.ask({ id: 4 }), { id: 4, rcode: 2 })
  t.same(refusals, [2])
  gate.resolve(0)
  t.match(await Promise.all(waiting), [
    { id: 1, rcode: 0 },
    { id: 2, rcode: 0 },
    { id: 3, rcode: 0 },
  ])
  t.match(await bench.ask({ id: 5 }), { id: 5, rcode: 0 })
  t.equal(bench.pool.taken, 0)
})

void t.test('without promises one pair serves for ever', async t => {
  const pool = new ExchangePool()
  const first = pool.take()
  pool.giveBack(first)
  for (let i = 0; i < 10; i++) {
    const next = pool.take()
    t.equal(next, first)
    pool.giveBack(next)
  }
})

void t.test('whatever comes, what goes out is a message with the same id, of the right size', async t => {
  const bench = new Bench({
    blocks: [
      { zones: ['.'], handler: answerMany(100) },
      { zones: ['example.'], handler: answerLater(() => Promise.resolve(3)) },
      {
        zones: ['b.'],
        handler: {
          serve: () => {
            throw new Error('broken')
          },
        },
      },
    ],
  })
  const seeds = [
    buildQuery({ edns: {} }),
    buildQuery({ name: '90.', edns: { size: 4096, dnssecOk: true } }),
    buildQuery({ name: '30.a.' }),
    buildQuery({ name: 'b.', edns: { version: 1 } }),
    buildQuery({ flags: 0x0110, nscount: 1, records: Buffer.from([0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 0]) }),
    buildQuery({ rawName: Buffer.from([0xc0, 12]) }),
  ]
  const change = fc.tuple(fc.nat(80), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 41, 63, 64, 0xc0, 0xff)))
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 5 }), fc.nat(60), fc.uint8Array({ maxLength: 20 }))
    .map(([seed, changes, cut, tail]) => {
      const bytes = Buffer.concat([seed.subarray(0, Math.max(seed.length - (cut % 20), 4)), tail])
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return bytes
    })
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated),
      fc.constantFrom(Transport.UDP, Transport.TCP),
      async (bytes, transport) => {
        const reply = await bench.answer(bytes, transport)
        const isIgnored = bytes.length < 12 || (bytes[2] & 0x80) !== 0
        assert.equal(reply === undefined, isIgnored)
        if (!reply) return
        const message = decode(reply)
        assert.equal(message.id, bytes[0] * 256 + bytes[1])
        assert.equal(message.qr, true)
        const size = transport === Transport.TCP ? 65_535 : (message.edns?.size ?? 512)
        assert.ok(reply.length <= size)
      },
    ),
    { numRuns: 5_000 },
  )
  t.equal(bench.pool.taken, 0)
})

void t.test('nothing is sent when a handler wants no answer', async t => {
  for (const handler of [{ serve: () => NO_ANSWER }, { serve: () => Promise.resolve(NO_ANSWER) }]) {
    const bench = new Bench({ blocks: [{ zones: ['.'], handler }] })
    t.equal(await bench.answer(buildQuery({})), undefined)
    t.equal(bench.pool.taken, 0)
  }
})
