// A server over HTTPS that does all that it should not (test/upstream/hostile.ts): every question ends, and nothing is left.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Forward } from '../../src/plugins/forward/forward.ts'
import { Rcode } from '../../src/wire/constants.ts'
import { CA_FILE } from '../upstream/https.ts'
import { Forwarding } from './forwarding.ts'

interface Hostile {
  readonly port: number
  /** What it can do. */
  readonly names: readonly string[]
  /** Waits until it has no connection any more. */
  drain(): Promise<void>
}

async function startHostile(t: Test, ...args: string[]): Promise<Hostile> {
  const child: ChildProcess = fork(fileURLToPath(new URL('../upstream/hostile.ts', import.meta.url)), args)
  const exited = once(child, 'exit')
  t.teardown(async () => {
    child.disconnect()
    await exited
  })
  const [ready] = (await once(child, 'message')) as [Pick<Hostile, 'port' | 'names'>]
  return {
    ...ready,
    async drain() {
      child.send('drain')
      await once(child, 'message')
    },
  }
}

const forwardTo = (t: Test, { port }: Hostile, options: string): Promise<Forwarding> =>
  Forwarding.start(t, `forward . https://127.0.0.1:${port} {\n tls ${CA_FILE}\n max_fails 0\n ${options}\n}`)

function checkEmpty(t: Test, { handler }: Forwarding): void {
  if (!(handler instanceof Forward)) throw new Error('no forward')
  for (const upstream of handler.upstreams) t.same([upstream.outstanding, upstream.sockets], [0, 0])
  t.equal(handler.wheel.count, 0)
  t.equal(handler.concurrent, 0)
}

const LATE = /no answer within \d+s$/
const RESET = /Stream closed with error code NGHTTP2_\w+$|its answer broke off$/
const PROTOCOL = /Protocol error$/
const FLOW = /Flow control error$/
const LEFT = /Session closed with error code \d+$/
const GONE = /the connection closed$|ECONNRESET$|EPIPE$/
const ANY = /./

/** Why there is no answer; undefined where there is one. */
const EXPECTED: Readonly<Record<string, RegExp | undefined>> = {
  good: undefined,
  silence: LATE,
  begins: LATE,
  'headers-end': /it answered another question$/,
  half: LATE,
  'half-reset':
    /Stream closed with error code NGHTTP2_\w+$|its answer broke off$|it answered another question$|malformed$/,
  reset: RESET,
  refuse: /NGHTTP2_REFUSED_STREAM$/,
  'reset-all': RESET,
  'reset-answer': RESET,
  'answer-reset': undefined,
  'answer-all': undefined,
  twice: undefined,
  'error-status': /HTTP status 500$/,
  'no-status': RESET,
  'bad-status': RESET,
  'early-hints': LATE,
  trailers: undefined,
  oversized: /its answer is too long$/,
  late: LATE,
  flow: /its answer is too long$/,
  'empty-data': /Too many invalid HTTP\/2 frames$/,
  'long-length': /its answer is too long$/,
  'wrong-length': PROTOCOL,
  leave: undefined,
  'leave-low': RESET,
  'leave-twice': undefined,
  'leave-error': LEFT,
  'leave-error-answer': LEFT,
  'data-leave-data': LEFT,
  unknown: PROTOCOL,
  'never-opened': PROTOCOL,
  garbage: ANY,
  'garbage-frame': ANY,
  hpack: PROTOCOL,
  'huge-frame': PROTOCOL,
  'huge-header': RESET,
  'many-fields': RESET,
  continuations: /Too many CONTINUATION frames/,
  'no-continuation': PROTOCOL,
  // What has gone out in the meantime does not count.
  pings: /Flooding was detected|no answer within \d+s$/,
  'pings-acknowledged': PROTOCOL,
  settings: /Flooding was detected|no answer within \d+s$/,
  'settings-acknowledged': PROTOCOL,
  'settings-bad': FLOW,
  'no-streams': LATE,
  'one-stream': undefined,
  'no-window': undefined,
  window: FLOW,
  'stream-window': FLOW,
  'window-zero': PROTOCOL,
  push: PROTOCOL,
  priority: LATE,
  services: undefined,
  'end-socket': GONE,
  'answer-end': undefined,
  destroy: GONE,
  deaf: LATE,
}

void t.test('whatever a server does, the question ends, the reason is told, and the next one is answered', async t => {
  const hostile = await startHostile(t, '1')
  t.same([...hostile.names].sort(), Object.keys(EXPECTED).sort())
  const check = async (way: string, reason: RegExp | undefined): Promise<void> => {
    const seconds = reason?.test('no answer within 1s') ? 1 : 4
    const forwarding = await forwardTo(t, hostile, `read_timeout ${seconds}s\n expire 100ms`)
    // The first one opens the connection, the second one comes on it when it is used.
    for (const name of [`${way}.a.example.`, `good.b.example.`, `${way}.c.example.`]) {
      const { rcode, reply, sections } = await forwarding.ask({ name })
      if (name.startsWith('good') || !reason) t.same([rcode, sections[0]], [Rcode.NOERROR, [`${name} 300 A 192.0.2.1`]])
      else {
        t.equal(rcode, Rcode.SERVFAIL, way)
        t.match(reply.failure?.message, /^upstream https:\/\/127\.0\.0\.1:\d+: ./)
        t.match(reply.failure?.message, reason, way)
      }
    }
  }
  // What takes all of its time does so beside the others.
  const isLong = (way: string): boolean => EXPECTED[way] === LATE || way === 'no-window'
  const ways = Object.entries(EXPECTED)
  const long = ways.filter(([way]) => isLong(way)).map(([way, reason]) => check(way, reason))
  for (const [way, reason] of ways) if (!isLong(way)) await check(way, reason)
  await Promise.all(long)
})

void t.test('in the midst of all that every question ends, and when it is over nothing is left', async t => {
  const hostile = await startHostile(t, '2', 'strange')
  const forwarding = await forwardTo(t, hostile, 'read_timeout 300ms\n expire 100ms')
  const ends = { answered: 0, failed: 0 }
  let asked = 0
  const askOn = async (): Promise<void> => {
    while (asked++ < 1_000) {
      const name = `${asked % 8 === 0 ? 'any' : 'good'}.n${asked}.example.`
      const { rcode, reply, sections } = await forwarding.ask({ name })
      if (rcode === Rcode.NOERROR) {
        ends.answered++
        t.same(sections[0], [`${name} 300 A 192.0.2.1`])
      } else {
        ends.failed++
        t.equal(rcode, Rcode.SERVFAIL)
        t.match(reply.failure?.message, /^upstream https:\/\/127\.0\.0\.1:\d+: ./)
      }
    }
  }
  await Promise.all(Array.from({ length: 50 }, askOn))
  t.ok(ends.answered > 0 && ends.failed > 0, JSON.stringify(ends))
  await hostile.drain()
  checkEmpty(t, forwarding)
  // It is asked as if nothing had been.
  for (let i = 0; i < 10; i++) t.equal((await forwarding.ask({ name: `good.m${i}.example.` })).rcode, Rcode.NOERROR)
  await hostile.drain()
  checkEmpty(t, forwarding)
})

void t.test('a connection outlives what is wrong with its streams', async t => {
  const hostile = await startHostile(t, '3')
  const forwarding = await forwardTo(t, hostile, 'max_connect_attempts 1\n read_timeout 5s')
  // What of these answers nobody reads is more than the window of the connection, several times over.
  for (let round = 0; round < 4; round++) {
    const good = Array.from({ length: 4 }, (_, i) => forwarding.ask({ name: `good.r${round}.n${i}.example.` }))
    // Once is enough for the one that takes all of the time.
    const ways = round === 3 ? ['oversized', 'long-length', 'late'] : ['oversized', 'long-length']
    const bad = ways.map(way => forwarding.ask({ name: `${way}.r${round}.example.` }))
    for (const { rcode } of await Promise.all(bad)) t.equal(rcode, Rcode.SERVFAIL)
    for (const { rcode } of await Promise.all(good)) t.equal(rcode, Rcode.NOERROR)
  }
  t.equal(forwarding.metric('coredns_proxy_conn_cache_misses_total', { proto: 'https' }), 1)
})
