import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import t, { type Test } from 'tap'
import { trapSignals } from '../../src/cli/signals.ts'
import { get } from '../plugins/http.ts'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { askUdp, type Command, kubezone, portOf, until } from './command.ts'

const MANIFEST = `
apiVersion: v1
kind: Service
metadata: { name: one, namespace: a }
spec: { clusterIP: 10.96.7.1, ports: [{ port: 80 }] }
`
const NAME = 'one.a.svc.cluster.test.'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const

/** A server of the cluster, with these lines beside the plugin. */
function serve(t: Test, lines: string, ...args: string[]): Command {
  const cwd = t.testdir({
    Corefile: `cluster.test:0 {\n    bind 127.0.0.1\n${lines}\n    kubernetes cluster.test\n}\n`,
    'one.yaml': MANIFEST,
  })
  return kubezone(t, ['--manifests', 'one.yaml', ...args], { cwd })
}

const lameduck = (time: string): string =>
  `    health 127.0.0.1:0 {\n        lameduck ${time}\n    }\n    ready 127.0.0.1:0`

const MULTISOCKET = '    multisocket 2'

/** Numbered queries, and which of them were answered. */
interface Client {
  send(): Promise<void>
  readonly sent: number
  readonly answered: ReadonlySet<number>
  close(): void
}

function udpClient(port: number): Client {
  const client = new UdpClient(port)
  const answered = new Set<number>()
  let sent = 0
  client.socket.on('message', message => answered.add(message.readUInt16BE(0)))
  return {
    send: () => client.send(buildQuery({ id: sent++, name: NAME })),
    get sent() {
      return sent
    },
    answered,
    close: () => client.close(),
  }
}

async function tcpClient(port: number): Promise<Client> {
  const client = await TcpClient.connect(port)
  let sent = 0
  return {
    send() {
      if (client.socket.writable) client.send(buildQuery({ id: sent++, name: NAME }))
      return Promise.resolve()
    },
    get sent() {
      return sent
    },
    get answered() {
      return new Set(client.messages.map(message => message.readUInt16BE(0)))
    },
    close: () => client.socket.destroy(),
  }
}

/** So many that each of two threads has some: else all of one kind fell to one of them, 2 in 2^12. */
const UDP_CLIENTS = 12

async function connect(t: Test, port: number): Promise<Client[]> {
  const clients = [
    ...Array.from({ length: UDP_CLIENTS }, () => udpClient(port)),
    await tcpClient(port),
    await tcpClient(port),
  ]
  t.teardown(() => {
    for (const client of clients) client.close()
  })
  return clients
}

for (const [lines, who] of [
  ['', 'the process'],
  [MULTISOCKET, 'two threads'],
] as const) {
  void t.test(`what ${who} received before SIGTERM is answered`, async t => {
    const command = serve(t, lines)
    const clients = await connect(t, await portOf(command, 'dns'))
    for (let i = 0; i < 100; i++) await Promise.all(clients.map(client => client.send()))
    t.match(await command.stop(), { code: 0, signal: null, err: '' })
    await until(() => clients.every(({ sent, answered }) => answered.size === sent))
    for (const { sent, answered } of clients) t.equal(answered.size, sent)
  })

  void t.test(`after SIGTERM /ready says 503, and queries to ${who} are answered for as long as they come`, async t => {
    const command = serve(t, `${lines}\n${lameduck('300ms')}`)
    const http = await portOf(command, 'http')
    const clients = await connect(t, await portOf(command, 'dns'))
    t.match(await get(http, '/ready'), { status: 200, body: 'OK' })
    // As real clients do, they neither stop at the signal nor wait for one another.
    const timers = clients.map(client => setInterval(() => void client.send().catch(() => {}), 2))
    t.teardown(() => timers.forEach(clearInterval))
    await until(() => clients.every(({ answered }) => answered.size > 10))
    command.child.kill('SIGTERM')
    await command.seen(/SIGTERM: Shutting down servers then terminating\n.*Going into lameduck mode for 300ms\n/)
    t.match(await get(http, '/ready'), { status: 503, body: 'Shutting down' })
    t.match(await get(http, '/health'), { status: 200, body: 'OK' })
    await command.seen(/answering after the lameduck until the readiness probe has failed, and nothing comes for 3s\n/)
    const before = clients.map(({ sent }) => sent)
    await until(() => clients.every(({ answered }, i) => answered.size > before[i] + 10))
    t.match(await get(http, '/ready'), { status: 503, body: 'Shutting down' })
    t.match(await get(http, '/health'), { status: 200, body: 'OK' })
    // The third probe in a row that fails is the one that is believed; then the clients learn of another server.
    timers.forEach(clearInterval)
    t.match(await get(http, '/ready'), { status: 503, body: 'Shutting down' })
    t.match(await command.ended, { code: 0, signal: null, err: '' })
    for (const { sent, answered } of clients) t.equal(answered.size, sent, 'none is lost')
  })
}

void t.test('SIGTERM waits for the lameduck and no longer, when nobody asks', async t => {
  const command = serve(t, lameduck('300ms'))
  await portOf(command, 'dns')
  const { code, out } = await command.stop()
  t.equal(code, 0)
  t.match(out, /lameduck mode/)
  t.notMatch(out, 'answering after')
})

void t.test(
  'SIGINT waits for the lameduck and no longer, though queries come; without one it does not wait',
  async t => {
    for (const lines of ['', lameduck('300ms'), MULTISOCKET, `${MULTISOCKET}\n${lameduck('300ms')}`]) {
      const command = serve(t, lines)
      const clients = await connect(t, await portOf(command, 'dns'))
      const timers = clients.map(client => setInterval(() => void client.send().catch(() => {}), 2))
      t.teardown(() => timers.forEach(clearInterval))
      await until(() => clients.every(({ answered }) => answered.size > 10))
      const { code, signal, err, out } = await command.stop('SIGINT')
      timers.forEach(clearInterval)
      t.same({ code, signal, err }, { code: 0, signal: null, err: '' })
      t.notMatch(out, 'answering after')
    }
  },
)

void t.test('a second SIGTERM or SIGINT does not wait for the lameduck: exit code 2', async t => {
  const told = { SIGTERM: 'SIGTERM: Shutting down servers then terminating', SIGINT: 'SIGINT: Shutting down' }
  for (const first of ['SIGTERM', 'SIGINT'] as const) {
    for (const second of ['SIGTERM', 'SIGINT'] as const) {
      const command = serve(t, lameduck('10m'), '-pidfile', 'pid')
      await portOf(command, 'dns')
      command.child.kill(first)
      await command.seen(new RegExp(`\\[INFO\\] ${told[first]}\n.*lameduck mode`))
      // Again and again: one that comes soon after its like is an echo.
      const timer = setInterval(() => command.child.kill(second), 2)
      t.match(await command.stop(second), { code: 2, signal: null, out: `[INFO] ${second}: Force quit\n` })
      clearInterval(timer)
      t.notOk(existsSync(join(t.testdirName, 'pid')))
    }
  }
})

void t.test('a signal that comes twice by one wish asks once', async t => {
  const lines: string[] = []
  const log = { info: (line: string) => void lines.push(line) } as Logger
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const before = Object.fromEntries(SIGNALS.map(name => [name, process.listeners(name)]))
    let nowMs = 5_000
    const { graceful, immediate } = trapSignals(
      log,
      () => {},
      () => nowMs,
    )
    const ended = immediate.then(code => `ended with ${code}`)
    lines.length = 0
    for (nowMs of [5_000, 5_003, 5_099]) process.emit(signal)
    t.equal(await graceful, signal)
    t.equal(lines.length, 1)
    nowMs = 5_100
    process.emit(signal)
    t.equal(await ended, 'ended with 2')
    t.match(lines[1], `${signal}: Force quit`)
    for (const name of SIGNALS) {
      for (const listener of process.listeners(name)) {
        if (!before[name].includes(listener)) process.off(name, listener)
      }
    }
  }
})

void t.test('SIGQUIT waits for nothing, in lameduck neither', async t => {
  for (const first of [undefined, 'SIGTERM', 'SIGINT'] as const) {
    const command = serve(t, lameduck('10m'))
    await portOf(command, 'http')
    if (first !== undefined) {
      command.child.kill(first)
      await command.seen(/lameduck mode/)
    }
    const { code, signal, out } = await command.stop('SIGQUIT')
    t.same({ code, signal }, { code: 0, signal: null }, `after ${first}`)
    t.match(out, /\[INFO\] SIGQUIT: Quitting process immediately\n$/)
  }
})

void t.test('SIGHUP and SIGUSR2 are survived, SIGUSR1 reads the Corefile again', async t => {
  const command = serve(t, '')
  const port = await portOf(command, 'dns')
  command.child.kill('SIGHUP')
  command.child.kill('SIGUSR1')
  command.child.kill('SIGUSR2')
  await command.seen(/\[INFO\] SIGUSR1: Reloading\n/)
  await command.seen(/\[INFO\] Reloading complete\n/)
  await command.seen(/\[WARNING\] SIGUSR2: this version does not replace itself; restart it\n/)
  t.match(await askUdp(port, NAME, 'A'), { rcode: 'NOERROR' })
  t.match(await command.stop(), { code: 0, signal: null, err: '' })
})

void t.test('a start that still waits for the API ends at once, too', async t => {
  const cwd = t.testdir({
    Corefile: `cluster.test:0 {
    bind 127.0.0.1
    kubernetes cluster.test {
        endpoint http://127.0.0.1:1
        startup_timeout 10m
    }
}
`,
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    const command = kubezone(t, ['-pidfile', 'pid'], { cwd })
    await command.seen(/refuses connections/)
    t.match(await command.stop(signal), { code: 0, signal: null, err: '' }, signal)
    t.notMatch(command.out, /cluster\.test\.:0/, 'nothing was served')
    t.notOk(existsSync(join(cwd, 'pid')))
  }
})

void t.test('fakeapi ends by a signal', async t => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const command = kubezone(t, ['fakeapi', '--port', '0'])
    const [, url] = await command.seen(/Kubernetes API on (\S+)\n/)
    const watch = await fetch(`${url}/api/v1/services?watch=1`)
    t.equal(watch.status, 200)
    const closed = watch.text().catch(() => {})
    t.match(await command.stop(signal), { code: 0, signal: null, err: '' }, `${signal}, with a watch open`)
    await closed
  }
})

void t.test('the client of an open connection is told the end', async t => {
  const command = serve(t, '')
  const { socket } = await TcpClient.connect(await portOf(command, 'dns'))
  const closed = once(socket, 'close')
  t.match(await command.stop(), { code: 0 })
  await closed
})
