import { spawnSync } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import { registerHooks } from 'node:module'
import { isIPv6 } from 'node:net'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import koffi from 'koffi'
import t from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { BatchIo, loadBatchIo } from '../../src/server/io.ts'
import { EAGAIN, EINTR, type Libc, loadLibc } from '../../src/server/libc.ts'
import { BATCH, CONTROL_AT, ENVELOPE_LENGTH, HEADER_LENGTH, MessageVector } from '../../src/server/mmsg.ts'
import { probe } from '../../src/server/probe.ts'
import { Sender } from '../../src/server/sender.ts'
import { Server } from '../../src/server/server.ts'
import { encodeSockaddr } from '../../src/server/sockaddr.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { formatAddress } from '../../src/wire/address.ts'
import { Section } from '../../src/wire/reply.ts'
import { UdpClient } from './clients.ts'
import { answerWith, recorder, serve, silent } from './handlers.ts'
import { buildQuery, decode } from './message.ts'

if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) {
  t.equal(await loadBatchIo(silent), undefined, 'there are no batches here, and that is no mistake')
  process.exit()
}

const blocks = [{ zones: ['.'], handler: answerWith(1) }]

void t.test('without koffi, a line says so', async t => {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (specifier === 'koffi') throw new Error("Cannot find package 'koffi'")
      return next(specifier, context)
    },
  })
  const { log, lines } = recorder()
  // Modules of their own, since what was loaded is remembered.
  const { href } = new URL('../../src/server/io.ts?without', import.meta.url)
  const { loadBatchIo } = (await import(href)) as { loadBatchIo: (log: Logger) => Promise<BatchIo | undefined> }
  t.equal(await loadBatchIo(log), undefined)
  t.equal(await loadBatchIo(log), undefined)
  hooks.deregister()
  t.match(lines, [{ level: 40, msg: /^UDP is served without batches, .*: Cannot find package 'koffi'$/ }])
  t.equal(lines.length, 1, 'once')
})

void t.test('this platform has batches', async t => {
  const { log, lines } = recorder()
  t.ok(await loadBatchIo(log))
  t.same(lines, [])
})

void t.test('structures that libc understands otherwise are noticed', async t => {
  const libc = await loadLibc()
  t.throws(() => probe(new BatchIo({ ...libc, recvmmsg: () => -1, errno: () => 1 })), /^recvmmsg is not as expected/)
  t.throws(() => probe(new BatchIo({ ...libc, sendmmsg: () => -1, errno: () => 1 })), /^sendmmsg is not as expected/)
  const wrong = (fd: number, address: bigint, count: number, flags: number): number => {
    // One header too far.
    return libc.sendmmsg(fd, address + BigInt(HEADER_LENGTH), count, flags)
  }
  t.throws(() => probe(new BatchIo({ ...libc, sendmmsg: wrong })), /is not as expected/)
})

void t.test('the structures lie as the C compiler of this platform lays them out', async t => {
  const iovec = koffi.struct({ base: 'uintptr_t', length: 'size_t' })
  const msghdr = koffi.struct({
    name: 'uintptr_t',
    namelen: 'uint32_t',
    iov: 'uintptr_t',
    iovlen: 'size_t',
    control: 'uintptr_t',
    controllen: 'size_t',
    flags: 'int',
  })
  const mmsghdr = koffi.struct({ hdr: msghdr, len: 'unsigned int' })
  t.equal(koffi.sizeof(mmsghdr), HEADER_LENGTH)
  const vector = new MessageVector(await loadLibc())
  const envelopesAt = koffi.address(vector.envelopes.buffer) + BigInt(vector.envelopes.byteOffset)
  for (const i of [0, 1, BATCH - 1]) {
    vector.setEnvelopeLengths(i, 28, 40)
    vector.setData(i, 0x7fff_1234_5678, 4_160)
    const at = vector.address + BigInt(i * HEADER_LENGTH)
    const { hdr } = koffi.decode(at, mmsghdr)
    const envelope = Number(envelopesAt) + i * ENVELOPE_LENGTH
    t.match(hdr, { name: envelope, namelen: 28, iovlen: 1, control: envelope + CONTROL_AT, controllen: 40, flags: 0 })
    t.same(koffi.decode(BigInt(hdr.iov), iovec), { base: 0x7fff_1234_5678, length: 4_160 })
    koffi.encode(at, mmsghdr, { hdr, len: 512 })
    t.equal(vector.receivedLength(i), 512)
  }
})

/** The address from which a query to `address` is answered. */
async function askFrom(address: string, port: number): Promise<string> {
  // Not connected, so that an answer from another address comes through and shows.
  const socket = dgram.createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  socket.send(buildQuery({ id: 1 }), port, address)
  const [, from] = (await once(socket, 'message')) as [Buffer, dgram.RemoteInfo]
  socket.close()
  return from.address
}

const local = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
  (list ?? []).map(({ address, scopeid }) => (scopeid ? `${address}%${name}` : address)),
)

for (const wildcard of ['', '0.0.0.0']) {
  void t.test(`a listener on ${wildcard || 'every address'} answers from the address asked`, async t => {
    const server = new Server({ listeners: [{ address: wildcard, port: 0, blocks }], log: silent, io: 'batch' })
    await server.start()
    const [{ port }] = server.addresses()
    const asked = [...local, '127.0.0.2', '127.1.2.3'].filter(address => wildcard === '' || !isIPv6(address))
    for (const address of asked) t.equal(await askFrom(address, port), address)
    await server.stop()
  })
}

void t.test('a late answer leaves from the address asked, too', async t => {
  const handler: Handler = {
    serve: async (_query, reply) => {
      await new Promise(setImmediate)
      reply.addRecord(Section.Answer, Type.A, 30, Uint8Array.of(10, 0, 0, 1))
      return Rcode.NOERROR
    },
  }
  const server = new Server({
    listeners: [{ port: 0, blocks: [{ zones: ['.'], handler }] }],
    log: silent,
    io: 'batch',
  })
  await server.start()
  for (const address of ['127.0.0.3', '127.0.0.1']) {
    t.equal(await askFrom(address, server.addresses()[0].port), address)
  }
  await server.stop()
})

const numbered = (id: number): Uint8Array => buildQuery({ id, name: `n${id}.example.`, edns: {} })

void t.test('answers at once and later answers of one batch do not touch each other', async t => {
  const asked: string[] = []
  const handler: Handler = {
    serve(query, reply) {
      const last = query.id & 255
      const rdata = Uint8Array.of(10, 0, query.id >> 8, last)
      reply.authoritative = true
      if (query.id % 3 > 0) {
        reply.addRecord(Section.Answer, Type.A, 30, rdata)
        return Rcode.NOERROR
      }
      const later = async (): Promise<Rcode> => {
        // What was written before the wait stays.
        reply.addRecord(Section.Answer, Type.A, 30, rdata)
        for (let turns = query.id % 5; turns > 0; turns--) await new Promise(setImmediate)
        reply.addRecord(Section.Answer, Type.A, 31, rdata)
        asked.push(`${formatAddress(query.clientAddress)} ${query.clientPort} ${query.size}`)
        return Rcode.NOERROR
      }
      return later()
    },
  }
  const { server, port } = await serve(handler, { io: 'batch' })
  const client = new UdpClient(port)
  const ids = Array.from({ length: 300 }, (_, id) => id)
  await Promise.all(ids.map(id => client.send(numbered(id))))
  const messages = (await Promise.all(ids.map(() => client.receive()))).map(decode).toSorted((a, b) => a.id - b.id)
  for (const [id, message] of messages.entries()) {
    const rdata = Buffer.from([10, 0, id >> 8, id & 255])
    const ttls = id % 3 > 0 ? [30] : [30, 31]
    t.match(message, { id, rcode: 0, aa: true, questions: [{ name: `n${id}.example.` }], edns: {} })
    t.match(
      message.answers,
      ttls.map(ttl => ({ ttl, rdata })),
    )
  }
  const from = `127.0.0.1 ${client.socket.address().port}`
  t.same(
    asked.toSorted(),
    ids
      .filter(id => id % 3 === 0)
      .map(id => `${from} ${numbered(id).length}`)
      .toSorted(),
  )
  client.close()
  await server.stop()
})

void t.test('an answer that waits for nothing but promises leaves without another event', async t => {
  const script = fileURLToPath(new URL('promise.ts', import.meta.url))
  const child = spawnSync('timeout', ['20', process.execPath, script], { encoding: 'utf8' })
  t.match(child, { status: 0, stderr: '', stdout: 'answered' })
})

void t.test('large answers of one batch do not run into each other', async t => {
  const rdata = new Uint8Array(30_000).fill(7)
  const handler: Handler = {
    serve(query, reply) {
      reply.addRecord(Section.Answer, Type.TXT, query.id, rdata)
      return Rcode.NOERROR
    },
  }
  const { server, port } = await serve(handler, { io: 'batch' })
  const client = new UdpClient(port)
  const ids = [0, 1, 2, 3, 4, 5, 6, 7]
  await Promise.all(ids.map(id => client.send(buildQuery({ id, edns: { size: 65_000 } }))))
  for (const id of ids) {
    t.match(decode(await client.receive()), { id, answers: [{ ttl: id, rdata: Buffer.from(rdata) }] })
  }
  client.close()
  await server.stop()
})

void t.test('a query that is longer than any is malformed, and the next one is answered', async t => {
  const { server, port } = await serve(answerWith(1), { io: 'batch' })
  const client = new UdpClient(port)
  const long = Buffer.concat([buildQuery({ id: 1, edns: {} }), Buffer.alloc(9_000)])
  // An OPT that says it is as long as the rest.
  long.writeUInt16BE(9_000, long.length - 9_002)
  t.match(await client.ask(long), { id: 1, rcode: Rcode.FORMERR })
  t.match(await client.ask(buildQuery({ id: 2 })), { id: 2, rcode: 0 })
  client.close()
  await server.stop()
})

/** A sender over a libc whose sendmmsg does one thing after another: sends as many, or fails with the negative errno. */
function scripted(libc: Libc, script: readonly number[]): { sender: Sender; sent: number[]; failed: number[][] } {
  const steps = [...script]
  const sent: number[] = []
  const failed: number[][] = []
  let first = 0n
  let errno = 0
  const sender = new Sender({
    ...libc,
    errno: () => errno,
    sendmmsg(_fd, address, count) {
      first ||= address
      const step = steps.shift() ?? count
      errno = -step
      if (step <= 0) return -1
      const from = Number(address - first) / HEADER_LENGTH
      for (let i = 0; i < Math.min(step, count); i++) sent.push(from + i)
      return Math.min(step, count)
    },
  })
  const socket = { fd: 9, sendFailed: (errno: number, count: number) => void failed.push([errno, count]) }
  const envelope = { words: new Uint32Array(18), peerLength: 16, controlLength: 0 }
  for (let i = 0; i < 10; i++) sender.send(socket, envelope, Buffer.from([i]), 0, 1)
  return { sender, sent, failed }
}

void t.test('what the system takes in parts is sent in parts', async t => {
  const libc = await loadLibc()
  const EPERM = 1
  for (const [script, sent, failed] of [
    [[10], '0123456789', []],
    [[3, 4], '0123456789', []],
    [[-EINTR, 2, -EINTR], '0123456789', []],
    [[3, -EPERM], '012456789', [[EPERM, 1]]],
    [
      [-EPERM, -EPERM],
      '23456789',
      [
        [EPERM, 1],
        [EPERM, 1],
      ],
    ],
    // No room: the rest is dropped at once.
    [[4, -EAGAIN], '0123', [[EAGAIN, 6]]],
  ] as const) {
    const run = scripted(libc, script)
    run.sender.flush()
    t.same([run.sent.join(''), run.failed], [sent, failed])
    run.sender.flush()
    t.equal(run.sent.length, sent.length, 'nothing is sent twice')
  }
})

const index = (name: string): number => (name === 'eth7' ? 7 : 0)

void t.test('socket addresses', async t => {
  for (const [address, hex] of [
    ['127.0.0.1', '020000357f0000010000000000000000'],
    ['::1', '0a000035000000000000000000000000000000000000000100000000'],
    ['fe80::1%eth7', '0a00003500000000fe80000000000000000000000000000107000000'],
    ['fe80::1%9', '0a00003500000000fe80000000000000000000000000000109000000'],
  ] as const) {
    t.equal(Buffer.from(encodeSockaddr(address, 53, index)).toString('hex'), hex, address)
  }
  t.throws(() => encodeSockaddr('example', 53, index), { code: 'EINVAL' })
})

void t.test('an answer allocates nothing: 200,000 over the loopback, and no collection', async t => {
  const script = fileURLToPath(new URL('heap.ts', import.meta.url))
  const child = spawnSync(process.execPath, ['--expose-gc', script], { encoding: 'utf8' })
  t.equal(child.stderr, '')
  const { collections, octets } = JSON.parse(child.stdout)
  t.ok(collections <= 2, `${collections} collections`)
  // What the event loop allocates when it wakes up, shared by those that came until then. A client that is slow makes batches of one.
  t.ok(octets < 150, `${octets} octets for each answer`)
})
