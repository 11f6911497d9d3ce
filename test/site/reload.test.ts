import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import { rmSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import type { Handler } from '../../src/server/handler.ts'
import { type Plugin, type ControlContext, TransientError } from '../../src/server/plugin.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Section } from '../../src/wire/reply.ts'
import { get } from '../plugins/http.ts'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { RunningSite, type RunningOptions } from './running.ts'

const HTTP = '127.0.0.1:0'

/** A site over a Corefile that the test changes. Beside the others it has a plugin `number N` that answers 10.0.0.N. */
class Changing {
  readonly running: RunningSite
  corefile: string
  readonly #contexts: ControlContext[]

  static async start(corefile: string, options: Partial<RunningOptions> = {}): Promise<Changing> {
    const changing = new Changing(corefile, options)
    await changing.running.start()
    return changing
  }

  constructor(corefile: string, options: Partial<RunningOptions>) {
    const contexts: ControlContext[] = []
    const number: Plugin = {
      name: 'number',
      repeatable: true,
      setup(cursor) {
        return {
          handler: () => answerNumber(cursor.integer(0, 255)),
          control(process) {
            contexts.push(process)
            return {}
          },
        }
      },
    }
    this.corefile = corefile
    this.#contexts = contexts
    const plugins = [...PLUGINS, ...(options.plugins ?? []), number]
    this.running = new RunningSite({ ...options, corefile, plugins, readCorefile: () => this.corefile })
  }

  /** As the plugin `reload` does when its time has come. */
  async change(corefile: string): Promise<void> {
    this.corefile = corefile
    await this.#contexts[0].pollCorefile()
  }

  metric(name: string): string | undefined {
    const line = this.running.site.metrics
      .render()
      .split('\n')
      .find(line => line.startsWith(name))
    return line?.split(' ').at(-1)
  }
}

function answerNumber(n: number): Handler {
  const rdata = Uint8Array.of(10, 0, 0, n)
  return {
    serve(_query, reply) {
      reply.addRecord(Section.Answer, Type.A, 5, rdata)
      return Rcode.NOERROR
    },
  }
}

const block = (directives: string): string => `.:0 {\n    bind 127.0.0.1\n    ${directives}\n}\n`

void t.test('what the Corefile says now is answered, on the same socket', async t => {
  const site = await Changing.start(block('number 1'))
  const before = site.running.site.addresses()
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.1'] })
  await site.change(block('number 2'))
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
  t.match(await site.running.askTcp('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
  t.same(site.running.site.addresses(), before)
  t.match(site.running.log, [
    'Reloading',
    /^plugin\/reload: Running configuration SHA512 = \w{128}$/,
    'Reloading complete',
  ])
  await site.running.stop()
})

void t.test('every query is answered while the configuration changes a hundred times', async t => {
  const site = await Changing.start(block('number 0'))
  const { port } = site.running
  const udp = new UdpClient(port)
  const tcp = await TcpClient.connect(port)
  const until = { isOver: false }
  const seen = new Set<number>()
  const askOn = async (client: UdpClient | TcpClient): Promise<number> => {
    let count = 0
    for (; !until.isOver; count++) {
      const message = await client.ask(buildQuery({ id: count & 0xffff }))
      if (message.rcode !== 0 || message.id !== (count & 0xffff)) throw new Error(`rcode ${message.rcode}`)
      seen.add(message.answers[0].rdata[3])
    }
    return count
  }
  const counts = [askOn(udp), askOn(tcp)]
  for (let i = 1; i <= 100; i++) {
    await site.change(block(`number ${i}`))
    // A reload that waits for nothing else does not let the sockets be read.
    await new Promise(setImmediate)
  }
  until.isOver = true
  for (const count of await Promise.all(counts)) t.ok(count > 10, `${count} queries`)
  t.ok(seen.size > 10, `${seen.size} configurations were seen`)
  t.equal(tcp.socket.destroyed, false, 'one connection all the time')
  udp.close()
  tcp.socket.destroy()
  await site.running.stop()
})

void t.test(
  'what waits for its answer gets it from the configuration that it came to, which lives so long',
  async t => {
    const gate = Promise.withResolvers<number>()
    const events: string[] = []
    const slow: Plugin = {
      name: 'slow',
      repeatable: true,
      setup: () => ({
        handler: () => ({
          async serve(query, reply) {
            events.push('asked')
            const rcode = await gate.promise
            events.push('answers')
            return rcode === 0 ? answerNumber(9).serve(query, reply) : rcode
          },
        }),
        stop() {
          events.push('stopped')
          return Promise.resolve()
        },
      }),
    }
    const site = await Changing.start(`${block('slow')}b.:0 {\n bind 127.0.0.2\n number 1\n}\n`, { plugins: [slow] })
    const first = site.running.ask('a.', 'A')
    while (events.length === 0) await new Promise(setImmediate)
    const changed = site.change(block('number 2'))
    while (!site.running.log.includes('Reloading')) await new Promise(setImmediate)
    const other = new UdpClient(site.running.port)
    t.equal((await other.ask(buildQuery())).answers[0].rdata[3], 2, 'others are answered by the new one')
    gate.resolve(0)
    t.match(await first, { answer: ['a. 5 IN A 10.0.0.9'] })
    await changed
    t.same(events, ['asked', 'answers', 'stopped'])
    other.close()
    await site.running.stop()
  },
)

void t.test('listeners come and go', async t => {
  const site = await Changing.start(block('number 1'))
  const ports = (): number[] => [...new Set(site.running.site.addresses().map(({ port }) => port))]
  const [kept] = ports()
  await site.change(`${block('number 2')}b.:0 {\n bind 127.0.0.2\n number 3\n}\n`)
  t.equal(ports()[0], kept)
  const second = new UdpClient(ports()[1], '127.0.0.2')
  t.equal((await second.ask(buildQuery({ name: 'x.b.' }))).answers[0].rdata[3], 3)
  const tcp = await TcpClient.connect(ports()[1], '127.0.0.2')
  t.equal((await tcp.ask(buildQuery({ name: 'x.b.' }))).answers.length, 1)
  await site.change(block('number 4'))
  await tcp.closed
  t.same(ports(), [kept])
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.4'] })
  second.close()
  await site.running.stop()
})

void t.test('a port cannot change between one address and all of them, and that is told', async t => {
  const holder = net.createServer()
  await once(holder.listen(0, '127.0.0.1'), 'listening')
  const { port } = holder.address() as net.AddressInfo
  holder.close()
  await once(holder, 'close')
  const site = await Changing.start(`.:${port} {\n bind 127.0.0.1\n number 1\n}\n`)
  await site.change(`.:${port} {\n number 2\n}\n`)
  t.match(
    site.running.log.at(-1),
    /listen udp :\d+: address already in use .*; this server has the port on other addresses: to change those takes a restart;/,
  )
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.1'] })
  await site.running.stop()
})

void t.test('HTTP endpoints stay, come and go, and counters go on', async t => {
  const site = await Changing.start(block(`number 1\nhealth ${HTTP}\nprometheus ${HTTP}`))
  const { http } = site.running.site
  const port = http.port(HTTP)
  await site.running.ask('a.', 'A')
  await site.change(block(`number 2\nhealth ${HTTP}\nprometheus ${HTTP}\nready ${HTTP}`))
  t.equal(http.port(HTTP), port)
  await site.running.ask('a.', 'A')
  const { body } = await get(port, '/metrics')
  t.match(body, /^coredns_dns_requests_total\{.*zone="\.".*\} 2$/m)
  t.match(body, /^coredns_plugin_enabled\{.*name="number"[^}]*\} 1$/m)
  t.equal((await get(port, '/ready')).body, 'OK')
  await site.change(block(`number 3\nhealth ${HTTP}`))
  t.equal((await get(port, '/health')).body, 'OK')
  t.equal((await get(port, '/metrics')).status, 404)
  t.notMatch(site.running.site.metrics.render(), 'coredns_plugin_enabled{')
  await site.change(block('number 4'))
  await t.rejects(get(port, '/health'))
  await site.running.stop()
})

const failing: Plugin = {
  name: 'failing',
  repeatable: true,
  setup: () => ({ start: () => Promise.reject(new Error('there is no such thing')) }),
}

void t.test('whatever is wrong with it, the configuration before goes on', async t => {
  const holder = net.createServer()
  await once(holder.listen(0, '127.0.0.1'), 'listening')
  const taken = (holder.address() as net.AddressInfo).port
  const directory = t.testdir({})
  const imported = join(directory, 'gone')
  const ready = `ready ${HTTP}\nprometheus ${HTTP}`
  for (const [corefile, told] of [
    [block('number'), /reload failed: Corefile:3:5: nothing after 'number'; expected an integer;/],
    [block('nmber 1'), /parse failed: Corefile:3:5: unknown directive 'nmber' \(did you mean 'number'\?\)/],
    ['.:0 {', /parse failed: Corefile:1:5: '\{' is never closed/],
    [block(`import ${imported}`), /parse failed: Corefile:3:12: nothing to import/],
    [block(`number 3\n${ready}\nfailing`), /reload failed: there is no such thing;/],
    [
      `${block(`number 3\n${ready}`)}b.:${taken} {\n bind 127.0.0.1\n}`,
      /reload failed: listen tcp 127.0.0.1:\d+: address already in use/,
    ],
    [
      block(`number 3\n${ready}\nhealth 127.0.0.1:${taken}`),
      /reload failed: listen http 127.0.0.1:\d+: address already in use/,
    ],
  ] as const) {
    const site = await Changing.start(block(`number 1\n${ready}`), { plugins: [failing] })
    const addresses = site.running.site.addresses()
    const httpPort = site.running.site.http.port(HTTP)
    await site.change(corefile)
    await site.change(corefile)
    t.same(site.running.log.filter(line => line.startsWith('plugin/reload')).length, 1, 'it is told once')
    t.match(
      site.running.log.find(line => line.startsWith('plugin/reload')),
      told,
    )
    t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.1'] })
    t.same(site.running.site.addresses(), addresses)
    t.equal((await get(httpPort, '/ready')).body, 'OK')
    t.match((await get(httpPort, '/metrics')).body, /^coredns_plugin_enabled\{.*name="number"[^}]*\} 1$/m)
    t.equal(site.metric('coredns_reload_failed_total'), '1')
    t.equal(site.metric('kubezone_reload_last_failed'), '1')
    await site.change(block(`number 1\n${ready}`))
    t.equal(site.metric('kubezone_reload_last_failed'), '0', 'it is as it was')
    await site.change(block('number 2'))
    t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
    await site.running.stop()
  }
  holder.close()
})

void t.test('what may pass by itself is tried again', async t => {
  let isThere = false
  const patient: Plugin = {
    name: 'patient',
    repeatable: true,
    setup: () => ({ start: () => (isThere ? Promise.resolve() : Promise.reject(new TransientError('not yet'))) }),
  }
  const site = await Changing.start(block('number 1'), { plugins: [patient] })
  await site.change(block('number 2\npatient'))
  await site.change(site.corefile)
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.1'] })
  t.equal(site.metric('coredns_reload_failed_total'), '2')
  isThere = true
  await site.change(site.corefile)
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
  await site.running.stop()
})

void t.test('an imported file counts, a comment does not, and a signal does what nothing else asks for', async t => {
  const directory = t.testdir({ part: 'number 1\n' })
  const part = join(directory, 'part')
  const site = await Changing.start(block(`import ${part}`))
  const version = site.running.site.metrics
    .render()
    .match(/reload_version_info\{hash="sha512",value="(\w{128})"\} 1\n/)?.[1]
  t.ok(version)
  await site.change(`# the same\n${block(`import ${part}`)}`)
  t.same(site.running.log, [])
  await site.running.site.reload()
  t.equal(site.running.log.at(-1), 'Reloading complete')
  t.match(site.running.site.metrics.render(), `value="${version}"} 1\n`)
  writeFileSync(part, 'number 2\n')
  await site.change(site.corefile)
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
  t.notMatch(site.running.site.metrics.render(), `value="${version}"} 1\n`)
  rmSync(part)
  await site.running.site.reload()
  t.match(site.running.log.at(-1), /^plugin\/reload: Corefile parse failed: .*; what was running goes on$/)
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
  await site.running.stop()
})

void t.test('a Corefile without a server block is one that is being written', async t => {
  const site = await Changing.start(block('number 1'))
  for (const corefile of ['', '# nothing yet\n']) {
    await site.change(corefile)
    t.match(
      site.running.log.at(-1),
      /^plugin\/reload: Corefile parse failed: .*no server block.*; what was running goes on$/,
    )
    t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.1'] })
  }
  await site.change(block('number 2'))
  t.match(await site.running.ask('a.', 'A'), { answer: ['a. 5 IN A 10.0.0.2'] })
  await site.running.stop()
})

void t.test('what cannot be read again is not', async t => {
  const site = await RunningSite.start({ corefile: block('whoami') })
  await site.site.reload()
  t.match(site.log, [/^plugin\/reload: the Corefile was read from standard input/])
  await site.stop()
})

const kubernetes = (options: string): string =>
  block(`ready ${HTTP}\nprometheus ${HTTP}\nkubernetes cluster.local {\n startup_timeout 10m\n ${options}\n}`) +
  'other.:0 {\n bind 127.0.0.1\n number 7\n}\n'

const NAME = 'kubernetes.default.svc.cluster.local.'

void t.test('kubernetes goes on with its watch, whatever else changes', async t => {
  const api = new FakeApi()
  const site = await Changing.start(kubernetes('ttl 5'), { api: { endpoint: await api.listen() } })
  const watches = api.requests.length
  for (let i = 0; i < 100; i++) {
    await site.change(kubernetes(`ttl 5\nfallthrough ${i}.cluster.local`))
    const { rcode, answer } = await site.running.ask(NAME, 'A')
    if (rcode !== 'NOERROR') t.same(answer, [], `after ${i} reloads`)
  }
  t.equal(api.requests.length, watches)
  t.equal(api.faults.openWatches().length, 3)
  t.equal(site.metric('coredns_reload_failed_total'), '0')
  await site.running.stop()
  await api.close()
})

void t.test('the zones of k8s_external come, change and go without another watch', async t => {
  const api = new FakeApi()
  const spec = { ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] }
  api.apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec })
  const site = await Changing.start(kubernetes('ttl 5'), { api: { endpoint: await api.listen() } })
  const watches = api.requests.length
  const external = (options: string): string =>
    kubernetes('ttl 5').replace('kubernetes ', `k8s_external x {\n${options}\n}\nkubernetes `)
  const ask = async (): Promise<string[]> => (await site.running.ask('web.default.x.', 'A')).answer
  for (const ttl of [10, 11, 11, 12]) {
    await site.change(external(`ttl ${ttl}`))
    t.same(await ask(), [`web.default.x. ${ttl} IN A 192.0.2.1`], 'at once')
    await site.change(external(`ttl ${ttl}\nfallthrough x`))
    t.same(await ask(), [`web.default.x. ${ttl} IN A 192.0.2.1`], 'with the image that is there')
  }
  await site.change(kubernetes('ttl 5'))
  t.same(await ask(), [])
  t.equal(api.requests.length, watches)
  await site.running.stop()
  await api.close()
})

void t.test('with other options kubernetes has heard everything before it answers', async t => {
  const api = new FakeApi()
  const site = await Changing.start(kubernetes('ttl 5'), { api: { endpoint: await api.listen() } })
  const httpPort = site.running.site.http.port(HTTP)
  const until = { isOver: false }
  const ask = async (): Promise<void> => {
    while (!until.isOver) {
      const { rcode } = await site.running.ask(NAME, 'A')
      if (rcode !== 'NOERROR') throw new Error(rcode)
      const { body } = await get(httpPort, '/ready')
      if (body !== 'OK') throw new Error(body)
    }
  }
  const asking = ask()
  for (let i = 6; i < 30; i++) await site.change(kubernetes(`ttl ${i}`))
  until.isOver = true
  await asking
  t.match(await site.running.ask(NAME, 'A'), { answer: [`${NAME} 29 IN A 10.96.0.1`] })
  t.equal(api.faults.openWatches().length, 3)
  t.match(site.metric('kubezone_kubernetes_watch_connected{resource="services"}'), '1')
  await site.running.stop()
  t.equal(site.metric('kubezone_kubernetes_watch_connected'), undefined)
  await api.close()
})

void t.test('kubernetes without an API does not take the place of one that has heard it', async t => {
  const api = new FakeApi()
  const site = await Changing.start(kubernetes('ttl 5'), { api: { endpoint: await api.listen() } })
  const unheard = kubernetes('ttl 6\nstartup_timeout 10ms\nendpoint http://127.0.0.1:1')
  await site.change(unheard)
  t.match(await site.running.ask(NAME, 'A'), { answer: [`${NAME} 5 IN A 10.96.0.1`] })
  t.ok(site.running.log.some(line => line.includes('the Kubernetes API has not told everything within 10ms')))
  t.equal((await get(site.running.site.http.port(HTTP), '/ready')).body, 'OK')
  await site.change(kubernetes('ttl 7'))
  t.match(await site.running.ask(NAME, 'A'), { answer: [`${NAME} 7 IN A 10.96.0.1`] })
  t.equal(api.faults.openWatches().length, 3)
  await site.running.stop()
  await api.close()
})

void t.test('an end while a reload waits gives the reload up', async t => {
  const api = new FakeApi()
  const site = await Changing.start(kubernetes('ttl 5'), { api: { endpoint: await api.listen() } })
  const changed = site.change(kubernetes('ttl 6\nendpoint http://127.0.0.1:1'))
  while (!site.running.log.includes('Reloading')) await new Promise(setImmediate)
  await site.running.stop()
  await changed
  t.ok(site.running.log.some(line => line.includes('the server is about to end')))
  t.same(site.running.site.addresses(), [])
  await api.close()
})

const listSockets = (): string[] =>
  process
    .getActiveResourcesInfo()
    .filter(name => /UDP|TCP|Timeout/.test(name))
    .sort()

/** What most clusters have, over an upstream that nobody answers at. */
const full = (n: number): string =>
  block(`errors
    health ${HTTP}
    ready ${HTTP}
    prometheus ${HTTP}
    log
    timeouts {
        idle 1m
    }
    hosts {
        10.0.0.${n} host.example
        fallthrough
    }
    forward . 127.0.0.1:1
    cache 30
    loop
    reload
    loadbalance`) + `number.:0 {\n bind 127.0.0.1\n number ${n}\n}\n`

void t.test('nothing is left over by a hundred reloads', async t => {
  const site = await Changing.start(full(0))
  const countSeries = (): number => site.running.site.metrics.render().split('\n').length
  for (let i = 1; i < 20; i++) await site.change(full(i))
  const [sockets, series] = [listSockets(), countSeries()]
  t.ok(sockets.length > 2)
  for (let i = 20; i < 100; i++) await site.change(full(i))
  t.match(await site.running.ask('host.example.', 'A'), { answer: [/10\.0\.0\.99$/] })
  t.equal(site.metric('coredns_reload_failed_total'), '0')
  // What is counted for the first time appears; one line for each of the eighty would be 80.
  t.ok(countSeries() < series + 40, `${series} lines of metrics, then ${countSeries()}`)
  // What is closed is gone a turn later.
  while (listSockets().length > sockets.length) await new Promise(setImmediate)
  await site.running.stop()
})
