// A server process under attack stays within the bounds of docs/limits.md, as its metrics tell them, and goes on answering.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { kubezone, portOf, until } from '../cli/command.ts'
import { TcpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { type Script, UpstreamServer, buildAnswer, record } from '../upstream/server.ts'

const TXT = 16
/** 60 KB in records of 256 octets. */
const LONG = Array.from({ length: 224 }, () => record(12, TXT, Buffer.alloc(256, 255)))
const answerLong: Script = ({ bytes }) => buildAnswer(bytes, { answers: LONG })
const MAX_HELD_OCTETS = 16 << 20

class Target {
  readonly port: number
  readonly #metricsPort: number

  private constructor(port: number, metricsPort: number) {
    this.port = port
    this.#metricsPort = metricsPort
  }

  /** A process that serves with these directives. */
  static async start(t: Test, ...directives: string[]): Promise<Target> {
    const lines = ['bind 127.0.0.1', 'prometheus 127.0.0.1:0', ...directives]
    const directory = t.testdir({ Corefile: `.:0 {\n${lines.join('\n')}\n}\n` })
    const command = kubezone(t, ['-conf', join(directory, 'Corefile')])
    return new Target(await portOf(command, 'dns'), await portOf(command, 'http'))
  }

  /** The sum of all series of this name whose labels have `labels` in them. */
  async metric(name: string, labels = ''): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#metricsPort}/metrics`)
    const lines = (await response.text()).split('\n')
    const values = lines.filter(line => new RegExp(`^${name}[ {]`).test(line) && line.includes(labels))
    return values.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  /** Nothing of the attack is left, and whoever asks has an answer. */
  async recovers(t: Test): Promise<void> {
    const isOver = async (): Promise<boolean> =>
      (await this.metric('kubezone_waiting_queries')) === 0 &&
      (await this.metric('kubezone_tcp_held_bytes')) === 0 &&
      (await this.metric('kubezone_tcp_connections')) === 0
    t.ok(await until(isOver))
    const client = await TcpClient.connect(this.port)
    t.match(await client.ask(buildQuery({ id: 7, name: 'www.example.', type: TXT })), { id: 7 })
    client.socket.destroy()
  }
}

async function startUpstream(t: Test): Promise<UpstreamServer> {
  const upstream = await UpstreamServer.start(answerLong)
  t.teardown(() => upstream.stop())
  return upstream
}

void t.test('1,280 pipelined questions for one long answer that is late: everyone has an answer', async t => {
  const upstream = await startUpstream(t)
  const held: (() => void)[] = []
  upstream.script = asked => void held.push(() => asked.send(buildAnswer(asked.bytes, { answers: LONG })))
  const forward = `forward . 127.0.0.1:${upstream.port} {\n max_concurrent 100\n read_timeout 60s\n}`
  const target = await Target.start(t, 'cache 300', forward)
  const clients = await Promise.all(Array.from({ length: 10 }, () => TcpClient.connect(target.port)))
  for (const client of clients) {
    client.send(...Array.from({ length: 128 }, (_, id) => buildQuery({ id, name: 'long.example.', type: TXT })))
  }
  // 100 go on, one of them for 512 that wait; the others are refused.
  t.ok(await until(async () => (await target.metric('coredns_forward_max_concurrent_rejects_total')) === 1_280 - 612))
  t.equal(await target.metric('kubezone_waiting_queries'), 612)
  await upstream.receive(100)
  upstream.script = answerLong
  for (const answer of held) answer()
  const answers = (await Promise.all(clients.map(client => client.receive(128)))).flat()
  t.equal(answers.filter(({ rcode, answers }) => rcode === 0 && answers.length === LONG.length).length, 612)
  t.equal(answers.filter(({ rcode }) => rcode === 5).length, 1_280 - 612)
  t.equal(await target.metric('kubezone_tcp_dropped_connections_total'), 0)
  for (const { socket } of clients) socket.destroy()
  await target.recovers(t)
})

void t.test('messages that never end: no more than 16 MiB of them are held', async t => {
  const target = await Target.start(t, 'whoami', 'timeouts {\n read 10m\n}')
  const begun = Buffer.concat([Buffer.from([0xff, 0xff]), Buffer.alloc(60_000)])
  const clients: TcpClient[] = []
  for (let i = 0; i < 350; i++) {
    const client = await TcpClient.connect(target.port)
    client.socket.write(begun)
    clients.push(client)
  }
  const count = async (): Promise<number> => await target.metric('kubezone_tcp_dropped_connections_total', '"memory"')
  // 350 of 60,000 octets are 21 MB.
  t.ok(await until(async () => (await count()) >= 350 - MAX_HELD_OCTETS / 60_000))
  t.ok((await target.metric('kubezone_tcp_held_bytes')) <= MAX_HELD_OCTETS)
  t.equal((await count()) + (await target.metric('kubezone_tcp_connections')), 350)
  for (const { socket } of clients) socket.destroy()
  await target.recovers(t)
})

void t.test('long answers to random names: the cache keeps 10 MB of them', async t => {
  const upstream = await startUpstream(t)
  const target = await Target.start(t, 'cache 300', `forward . 127.0.0.1:${upstream.port}`)
  const client = await TcpClient.connect(target.port)
  client.send(...Array.from({ length: 300 }, (_, id) => buildQuery({ id, name: `random-${id}.example.`, type: TXT })))
  await client.receive(300)
  client.socket.destroy()
  const kept = await target.metric('coredns_cache_entries', 'success')
  t.ok(kept > 100)
  t.ok(kept * 60_000 < 9_984 * 1_024)
  t.equal(await target.metric('coredns_cache_evictions_total', 'success'), 300 - kept)
  await target.recovers(t)
})
