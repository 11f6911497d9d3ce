import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import t, { type Test } from 'tap'
import { lookup } from '../../src/cli/lookup.ts'

// Octets are put together by hand here: the codec under test must not check itself.

const u8 = (...values: number[]) => Buffer.from(values)
const u16 = (...values: number[]) => Buffer.concat(values.map(value => u8(value >> 8, value & 255)))
const u32 = (...values: number[]) => Buffer.concat(values.map(value => u16(Math.floor(value / 65536), value % 65536)))
const string = (text: string) => Buffer.concat([u8(text.length), Buffer.from(text, 'latin1')])
const name = (text: string) => Buffer.concat([...text.split('.').filter(Boolean).map(string), u8(0)])
const QUESTION = u16(0xc00c)

function record(owner: Buffer, type: number, ...rdata: Buffer[]): Buffer {
  const data = Buffer.concat(rdata)
  return Buffer.concat([owner, u16(type, 1), u32(5), u16(data.length), data])
}

interface Reply {
  flags?: number
  answer?: Buffer[]
  authority?: Buffer[]
  additional?: Buffer[]
}

function encodeReply(query: Buffer, { flags = 0x8500, answer = [], authority = [], additional = [] }: Reply): Buffer {
  let end = 12
  while (query[end] !== 0) end += query[end] + 1
  return Buffer.concat([
    query.subarray(0, 2),
    u16(flags, 1, answer.length, authority.length, additional.length),
    query.subarray(12, end + 5),
    ...answer,
    ...authority,
    ...additional,
  ])
}

interface Responder {
  address: string
  /** What came, in its order: U or T and the octets in hexadecimal. */
  queries: string[]
}

/** Answers over UDP and TCP on the same port; a transport without an answer stays silent. */
async function respond(
  t: Test,
  answers: { udp?: (query: Buffer) => Buffer[]; tcp?: (query: Buffer) => Buffer },
): Promise<Responder> {
  const queries: string[] = []
  const { udp, tcp } = await listen(t)
  udp.on('message', (query, { port, address }) => {
    queries.push(`U ${query.toString('hex')}`)
    for (const reply of answers.udp?.(query) ?? []) udp.send(reply, port, address)
  })
  tcp.on('connection', socket => {
    t.teardown(() => socket.destroy())
    socket.on('data', (frame: Buffer) => {
      const query = frame.subarray(2)
      queries.push(`T ${query.toString('hex')}`)
      const reply = answers.tcp?.(query)
      if (reply !== undefined) socket.write(Buffer.concat([u16(reply.length), reply]))
    })
  })
  return { address: `127.0.0.1:${udp.address().port}`, queries }
}

async function listen(t: Test, close = true): Promise<{ udp: Socket; tcp: Server }> {
  for (;;) {
    const udp = createSocket('udp4')
    udp.bind(0, '127.0.0.1')
    await once(udp, 'listening')
    const tcp = createServer()
    tcp.listen(udp.address().port, '127.0.0.1')
    const free = await once(tcp, 'listening').then(
      () => true,
      () => false,
    )
    if (free) {
      if (close)
        t.teardown(() => {
          udp.close()
          tcp.close()
        })
      return { udp, tcp }
    }
    // Somebody else has the port for TCP: another one.
    udp.close()
  }
}

/** Runs the command; what differs from run to run is masked. */
async function run(...args: string[]): Promise<{ code: number; text: string }> {
  const lines: string[] = []
  const code = await lookup(args, line => lines.push(line))
  const text = lines
    .join('\n')
    .replace(/id: \d+/, 'id: ID')
    .replace(/time: \d+ msec/, 'time: N msec')
    .replace(/127\.0\.0\.1#\d+/g, '127.0.0.1#PORT')
  return { code, text }
}

void t.test('shows a reply as dig does', async t => {
  const opt = Buffer.concat([u8(0), u16(41, 1232), u32(0x8000), u16(9), u16(15, 5, 18), Buffer.from('why')])
  const server = await respond(t, {
    udp: query => [
      encodeReply(query, {
        answer: [record(QUESTION, 1, u8(10, 96, 0, 1)), record(QUESTION, 1, u8(10, 96, 0, 2))],
        authority: [record(name('svc.cluster.local'), 2, name('ns.dns.cluster.local'))],
        additional: [record(name('a'), 28, Buffer.alloc(15), u8(1)), opt],
      }),
    ],
  })
  const { code, text } = await run('Kubernetes.default.svc.cluster.local', '--server', server.address)
  t.equal(code, 0)
  t.equal(
    text,
    `;; Got answer:
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: ID
;; flags: qr aa rd; QUERY: 1, ANSWER: 2, AUTHORITY: 1, ADDITIONAL: 2
;; WARNING: recursion requested but not available

;; OPT PSEUDOSECTION:
; EDNS: version: 0, flags: do; udp: 1232
; EDE: 18 (PROHIBITED): (why)
;; QUESTION SECTION:
;Kubernetes.default.svc.cluster.local. IN A

;; ANSWER SECTION:
Kubernetes.default.svc.cluster.local. 5	IN A	10.96.0.1
Kubernetes.default.svc.cluster.local. 5	IN A	10.96.0.2

;; AUTHORITY SECTION:
svc.cluster.local.	5	IN	NS	ns.dns.cluster.local.

;; ADDITIONAL SECTION:
a.			5	IN	AAAA	::1

;; Query time: N msec
;; SERVER: 127.0.0.1#PORT(127.0.0.1) (UDP)
;; MSG SIZE  rcvd: 186`,
  )
  const id = server.queries[0].slice(2, 6)
  const question = `${name('Kubernetes.default.svc.cluster.local').toString('hex')}00010001`
  t.same(server.queries, [`U ${id}01000001000000000001${question}00002904d0000000000000`])
})

void t.test('writes the data of every type in presentation form', async t => {
  const v4Mapped = Buffer.concat([Buffer.alloc(10), u8(255, 255, 10, 0, 0, 1)])
  const table: [type: string, code: number, rdata: Buffer, text: string][] = [
    ['A', 1, u8(192, 0, 2, 1), '192.0.2.1'],
    ['NS', 2, name('ns.example'), 'ns.example.'],
    ['CNAME', 5, name('a b.example'), 'a\\032b.example.'],
    [
      'SOA',
      6,
      Buffer.concat([name('ns'), name('host.example'), u32(4294967295, 7200, 1800, 86400, 5)]),
      'ns. host.example. 4294967295 7200 1800 86400 5',
    ],
    ['PTR', 12, QUESTION, 'x.example.'],
    ['PTR', 12, name(''), '.'],
    ['HINFO', 13, Buffer.concat([string('ANY'), string('RFC "8482"')]), '"ANY" "RFC \\"8482\\""'],
    ['MX', 15, Buffer.concat([u16(10), name('mail.example')]), '10 mail.example.'],
    ['TXT', 16, Buffer.concat([string('a"b\\'), string(''), string('\xc3\xa9\n')]), '"a\\"b\\\\" "" "\\195\\169\\010"'],
    ['AAAA', 28, Buffer.concat([u8(0xfd, 0), Buffer.alloc(13), u8(1)]), 'fd00::1'],
    ['AAAA', 28, v4Mapped, '::ffff:10.0.0.1'],
    ['SRV', 33, Buffer.concat([u16(0, 100, 8443), name('1-2-3-4.pod.example')]), '0 100 8443 1-2-3-4.pod.example.'],
    ['DNSKEY', 48, Buffer.concat([u16(257), u8(3, 13), Buffer.from('key')]), '257 3 13 a2V5'],
    [
      'RRSIG',
      46,
      Buffer.concat([u16(33), u8(13, 2), u32(5, 86400, 0), u16(7), name('example'), Buffer.from('sig')]),
      'SRV 13 2 5 19700102000000 19700101000000 7 example. c2ln',
    ],
    ['CAA', 257, Buffer.concat([u8(0), string('issue'), Buffer.from('ca.example')]), '0 issue "ca.example"'],
    ['TYPE65280', 65280, u8(1, 0xab), '\\# 2 01AB'],
    ['HTTPS', 65, u8(), '\\# 0'],
  ]
  for (const [type, code, rdata, expected] of table) {
    const server = await respond(t, { udp: query => [encodeReply(query, { answer: [record(QUESTION, code, rdata)] })] })
    const short = await run('x.example', type, '--short', '--server', server.address)
    t.same(short, { code: 0, text: expected }, type)
    const { text } = await run('x.example', type.toLowerCase(), '--server', server.address)
    const gap = type.length < 8 ? '\t' : ' '
    t.match(text, `\nx.example.\t\t5\tIN\t${type}${gap}${expected}\n`, `${type} in a line`)
    t.match(text, `;x.example.\t\t\tIN\t${type}\n`)
    t.equal(server.queries[0].slice(-30, -22), `${code.toString(16).padStart(4, '0')}0001`)
  }
})

void t.test('a reply that says no is an answer', async t => {
  const soa = record(name('example'), 6, name('ns'), name('h'), u32(1, 2, 3, 4, 5))
  const table: [number, string][] = [
    [0x8503, 'NXDOMAIN'],
    [0x8102, 'SERVFAIL'],
    [0x8105, 'REFUSED'],
    [0x8109, 'NOTAUTH'],
    [0x810c, 'RCODE12'],
  ]
  for (const [flags, status] of table) {
    const server = await respond(t, { udp: query => [encodeReply(query, { flags, authority: [soa] })] })
    const { code, text } = await run('x.example', '--server', server.address)
    t.equal(code, 0)
    t.match(text, `status: ${status},`)
    t.match(text, 'example.\t\t5\tIN\tSOA\tns. h. 1 2 3 4 5')
    t.same(await run('x.example', '--short', '--server', server.address), { code: 0, text: '' })
  }
})

void t.test('a truncated reply is asked for again over TCP, and told so', async t => {
  const server = await respond(t, {
    udp: query => [encodeReply(query, { flags: 0x8700 })],
    tcp: query => encodeReply(query, { answer: [record(QUESTION, 1, u8(192, 0, 2, 1))] }),
  })
  const { code, text } = await run('x.example', '--bufsize', '512', '--server', server.address)
  t.equal(code, 0)
  t.match(text, /^;; Truncated, retrying in TCP mode\.\n;; Got answer:/)
  t.match(text, /\(TCP\)/)
  t.match(text, 'x.example.\t\t5\tIN\tA\t192.0.2.1')
  t.same(
    server.queries.map(query => query[0]),
    ['U', 'T'],
  )
  t.match(server.queries[0], /0000290200000000000000$/, 'the size is announced')
  t.same(await run('x.example', '--short', '--server', server.address), { code: 0, text: '192.0.2.1' })
})

void t.test('asks over TCP at once when told so, and without EDNS for a size of 0', async t => {
  const server = await respond(t, { tcp: query => encodeReply(query, {}) })
  const { code, text } = await run('x.example', 'AAAA', 'CH', '--tcp', '--bufsize', '0', '--server', server.address)
  t.equal(code, 0)
  t.match(text, ';x.example.\t\t\tCH\tAAAA')
  t.equal(server.queries.length, 1)
  t.equal(server.queries[0].slice(6), `01000001000000000000${name('x.example').toString('hex')}001c0003`)
})

void t.test('an address becomes its reverse name', async t => {
  const server = await respond(t, { udp: query => [encodeReply(query, {})] })
  t.match((await run('-x', '10.96.0.1', '--server', server.address)).text, ';1.0.96.10.in-addr.arpa.\t\tIN\tPTR')
  t.match((await run('-x', 'fd00::1', '--server', server.address)).text, `;1.${'0.'.repeat(28)}0.d.f.ip6.arpa. IN PTR`)
})

void t.test('a name beyond ASCII is asked for in its ASCII form, and the root as it is', async t => {
  const server = await respond(t, { udp: query => [encodeReply(query, {})] })
  t.match((await run('b\u00fccher.example', '--server', server.address)).text, ';xn--bcher-kva.example.')
  t.match((await run('.', 'NS', '--server', server.address)).text, ';.\t\t\t\tIN\tNS')
})

void t.test('datagrams that are no reply to the question are passed over', async t => {
  const server = await respond(t, {
    udp: query => {
      const reply = encodeReply(query, { answer: [record(QUESTION, 1, u8(192, 0, 2, 1))] })
      const otherId = Buffer.from(reply)
      otherId.writeUInt16BE(query.readUInt16BE(0) ^ 1, 0)
      return [u8(1, 2, 3), query, otherId, reply]
    },
  })
  t.same(await run('x.example', '--short', '--server', server.address), { code: 0, text: '192.0.2.1' })
})

void t.test('a reply that is cut short is shown as far as it goes', async t => {
  const server = await respond(t, {
    udp: query => [encodeReply(query, { answer: [record(QUESTION, 1, u8(192, 0, 2, 1))] }).subarray(0, -2)],
  })
  const { code, text } = await run('x.example', '--server', server.address)
  t.equal(code, 0)
  t.match(text, /;; WARNING: malformed: answers\[0\]/)
})

void t.test('no reply ends with 9 and says why', async t => {
  const silent = await respond(t, { udp: query => [Buffer.concat([u8(0), query])] })
  const args = ['x.example', '--timeout', '50', '--server', silent.address]
  t.same(await run(...args, '--tcp'), {
    code: 9,
    text: ';; no reply from 127.0.0.1#PORT: timed out after 50 ms',
  })
  const udp = await run(...args)
  t.equal(udp.code, 9)
  t.match(udp.text, /^;; no reply from 127\.0\.0\.1#PORT: timed out after 50 ms \(.*\)$/)
})

void t.test('a port that nobody listens on is told at once', async t => {
  const { udp, tcp } = await listen(t, false)
  const server = `127.0.0.1:${udp.address().port}`
  udp.close()
  tcp.close()
  await Promise.all([once(udp, 'close'), once(tcp, 'close')])
  for (const transport of [[], ['--tcp']]) {
    const { code, text } = await run('x.example', ...transport, '--server', server)
    t.equal(code, 9)
    t.match(text, /^;; no reply from 127\.0\.0\.1#PORT: .*ECONNREFUSED/)
  }
})

void t.test('arguments that make no question end with 1, the reason and the usage', async t => {
  const table: [string[], RegExp][] = [
    [[], /which name\?/],
    [['a', 'NOPE'], /unknown type 'NOPE'/],
    [['a', 'TYPE0'], /unknown type 'TYPE0'/],
    [['a', 'TYPE65536'], /unknown type 'TYPE65536'/],
    [['a', 'A', 'XX'], /unknown class 'XX'/],
    [['a', 'A', 'IN', 'more'], /'more' is one argument too many/],
    [['a..b'], /'a\.\.b' is no domain name/],
    [['a\\.b'], /has octets that lookup cannot ask for/],
    [['x'.repeat(64)], /is no domain name/],
    [['-x', 'example.org'], /'example\.org' is no IP address/],
    [['a', '--server', '1.2.3'], /'1\.2\.3' is no server/],
    [['a', '--server', '127.0.0.1:0'], /is no server/],
    [['a', '--bufsize', '65536'], /bad value '65536' for --bufsize; expected 0 to 65535/],
    [['a', '--timeout', '0'], /bad value '0' for --timeout/],
    [['a', '--nope'], /--nope/],
  ]
  for (const [args, reason] of table) {
    const { code, text } = await run(...args)
    t.equal(code, 1, args.join(' '))
    t.match(text, reason)
    t.match(text, 'usage: kubezone lookup')
  }
  const help = await run('--help')
  t.equal(help.code, 0)
  t.match(help.text, /^usage: kubezone lookup/)
})
