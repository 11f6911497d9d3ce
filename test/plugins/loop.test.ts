import t from 'tap'
import { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import type { Handler } from '../../src/server/handler.ts'
import type { Plugin, Upstream } from '../../src/server/plugin.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import type { Query } from '../../src/wire/query.ts'
import { UdpClient } from '../server/clients.ts'
import { RunningSite } from '../site/running.ts'
import { ask, chain, setUpBlock } from './harness.ts'

/** A server that denies everything, or asks the one at `target` over UDP. */
class Relay implements Upstream {
  readonly address: string
  readonly source: string | undefined
  readonly target: Promise<number> | undefined
  asked = 0
  isOff = false

  constructor(address: string, source: string | undefined, target?: Promise<number>) {
    this.address = address
    this.source = source
    this.target = target
  }

  async ask(query: Query): Promise<Rcode> {
    this.asked++
    // After the first `await` the message may lie elsewhere.
    const message = query.bytes.slice(query.start, query.end)
    if (!this.target) return Rcode.NXDOMAIN
    const client = new UdpClient(await this.target)
    const { rcode } = await client.ask(message)
    client.close()
    return rcode
  }

  switchOff(): void {
    this.isOff = true
  }
}

/** Asks the first relay that is not off, as a plugin that forwards would; `loop` learns of them if they are told. */
const relaying = (relays: readonly Relay[], isTold: boolean): Plugin => ({
  name: 'relay',
  repeatable: false,
  setup: () => {
    const handler: Handler = {
      serve(query) {
        const relay = relays.find(({ isOff }) => !isOff)
        return relay ? relay.ask(query) : Rcode.SERVFAIL
      },
    }
    return { handler: () => handler, ...(isTold && { upstreams: relays }) }
  },
})

const NAME = 'kubernetes.default.svc.cluster.local.'

interface Served {
  readonly site: RunningSite
  readonly relays: readonly Relay[]
  readonly fatal: string[]
}

/** A site that forwards to relays of these names; those with a `*` ask the site. */
async function serve(
  t: { teardown: (end: () => Promise<void>) => void },
  loop: string,
  names: readonly string[],
  isTold = true,
): Promise<Served> {
  const api = new FakeApi()
  const port = Promise.withResolvers<number>()
  const relays = names.map(name => {
    const [address, source] = name.replace('*', '').split(' ')
    return new Relay(address, source, name.startsWith('*') ? port.promise : undefined)
  })
  const fatal: string[] = []
  const site = await RunningSite.start({
    corefile: `.:0 {
    bind 127.0.0.1
    prometheus 127.0.0.1:0
    kubernetes cluster.local {
        startup_timeout 10m
    }
    ${loop}
    relay
}
`,
    plugins: [...PLUGINS.filter(({ name }) => name !== 'whoami'), relaying(relays, isTold)],
    api: { endpoint: await api.listen() },
    onFatal: () => void fatal.push(site.log.at(-1) ?? ''),
  })
  t.teardown(async () => {
    await site.stop()
    await api.close()
  })
  port.resolve(site.port)
  return { site, relays, fatal }
}

const lines = ({ site }: Served): string[] => site.log.filter(line => line.startsWith('plugin/loop'))

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise(setImmediate)
}

void t.test('an upstream that hands questions back is switched off, and told with its file', async t => {
  const served = await serve(t, 'loop', ['*127.0.0.53:53 /etc/resolv.conf', '192.0.2.1:53 /etc/resolv.conf'])
  const { site, relays } = served
  await until(() => lines(served).length > 0)
  t.match(lines(served), [
    /^plugin\/loop: upstream 127\.0\.0\.53:53 \(from \/etc\/resolv\.conf\) hands questions for zone "\." back to this server and is not asked any more; /,
  ])
  t.same(
    relays.map(({ isOff }) => isOff),
    [true, false],
  )
  t.match(await site.ask(NAME, 'A'), { rcode: 'NOERROR' })
  t.match(await site.ask('example.org.', 'A'), { rcode: 'NXDOMAIN' })
  const page = site.site.metrics.render()
  t.match(page, 'kubezone_loop_detected_total{server="dns://127.0.0.1:0",to="127.0.0.53:53",zone="."} 1\n')
  t.equal(relays[0].asked, 1, 'one question was enough')
})

void t.test('when none is left, names of the cluster are answered, others are SERVFAIL', async t => {
  const served = await serve(t, 'loop', ['*127.0.0.53:53', '*127.0.0.54:53'])
  await until(() => lines(served).length > 1)
  t.match(lines(served), [/upstream 127\.0\.0\.53:53 \(in the Corefile\)/, /upstream 127\.0\.0\.54:53/])
  t.match(await served.site.ask(NAME, 'A'), { rcode: 'NOERROR' })
  t.match(await served.site.ask('example.org.', 'A'), { rcode: 'SERVFAIL' })
})

void t.test('a circle through a plugin that tells of no upstream cuts off what is forwarded', async t => {
  const served = await serve(t, 'loop', ['*127.0.0.53:53'], false)
  await until(() => lines(served).length > 0)
  t.match(lines(served), [/^plugin\/loop: what is asked for zone "\." comes back to this server: /])
  const { asked } = served.relays[0]
  t.equal(asked, 2, 'seen three times, asked twice')
  t.match(await served.site.ask(NAME, 'A'), { rcode: 'NOERROR' })
  t.match(await served.site.ask('example.org.', 'A'), { rcode: 'SERVFAIL' })
  t.equal(served.relays[0].asked, asked)
})

void t.test('without a loop nothing is said, and HINFO goes where it should', async t => {
  for (const isTold of [true, false]) {
    const served = await serve(t, 'loop', ['192.0.2.1:53'], isTold)
    const [relay] = served.relays
    await until(() => relay.asked >= (isTold ? 2 : 1))
    t.match(await served.site.ask('1.2.', 'HINFO'), { rcode: 'NXDOMAIN' })
    t.same(lines(served), [])
    t.notMatch(served.site.site.metrics.render(), 'kubezone_loop')
  }
})

void t.test('strict ends the process with the line of CoreDNS', async t => {
  const { fatal } = await serve(t, 'loop strict', ['*127.0.0.53:53']).then(async served => {
    await until(() => served.fatal.length > 0)
    return served
  })
  t.match(
    fatal[0],
    /^plugin\/loop: Loop \(127\.0\.0\.1:0 -> 127\.0\.0\.53:53\) detected for zone "\.", see https:\/\/coredns\.io\/plugins\/loop#troubleshooting\. Query: "HINFO \d+\.\d+\."$/,
  )
})

void t.test('what is not the name it looks for passes', async t => {
  const end: Handler = { serve: query => (query.qtype === Type.HINFO ? Rcode.NOTIMP : Rcode.REFUSED) }
  const handler = chain(setUpBlock('loop'), end)
  t.equal(ask(handler, { type: Type.HINFO }).rcode, Rcode.NOTIMP)
  t.equal(ask(handler, { type: Type.A }).rcode, Rcode.REFUSED)
})

void t.test('refused: anything but strict', async t => {
  t.throws(() => setUpBlock('loop lenient'), /^Corefile:2:6: 'lenient' is no way to deal with a loop; expected strict/)
  t.throws(() => setUpBlock('loop strict now'), /^Corefile:2:13: 'now' is one argument too many/)
  t.throws(() => setUpBlock('loop {\n now\n}'), /^Corefile:3:2: loop has no properties/)
})
