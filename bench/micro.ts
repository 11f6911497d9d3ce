// The parts of a query alone, in this process: reading it, finding its name, writing an answer, and the whole chain of plugins.

import { pino } from 'pino'
import { Site } from '../src/cli/site.ts'
import { FakeApi } from '../src/fakeapi/fakeapi.ts'
import { PLUGINS } from '../src/plugins/order.ts'
import type { Handler } from '../src/server/handler.ts'
import { Type } from '../src/wire/constants.ts'
import { parseName } from '../src/wire/name.ts'
import { Query } from '../src/wire/query.ts'
import { Reply, Section } from '../src/wire/reply.ts'
import { ZoneImage } from '../src/zones/image.ts'
import { ZoneWriter } from '../src/zones/writer.ts'
import { apiObjects } from './cluster.ts'
import { encodeQuery } from './question.ts'
import { formatRows } from './report.ts'
import { SCENARIOS } from './scenarios.ts'
import { corefile } from './servers/corefile.ts'

const ROUNDS = 7
const RUNS = 400_000
/** Fits into the caches with what is looked up for it, as a busy server's names do. */
const QUESTIONS = 2_000

/** Nanoseconds of one run of `step`, in the best round: the others had company. */
function time(step: (i: number) => void): number {
  let best = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now()
    for (let i = 0; i < RUNS; i++) step(i % QUESTIONS)
    best = Math.min(best, ((performance.now() - started) * 1e6) / RUNS)
  }
  return best
}

/** A cluster, served by a chain of plugins that is handed out before a socket is asked. */
async function serveCluster(): Promise<{ chain: Handler; stop: () => Promise<void> }> {
  const api = new FakeApi({ controllers: false })
  for (const object of apiObjects()) api.apply(object)
  const endpoint = await api.listen()
  let chain: Handler | undefined
  const capture = {
    name: 'capture',
    repeatable: false,
    setup: () => ({
      handler(next: Handler) {
        chain = next
        return next
      },
    }),
  }
  const site = new Site({
    corefile: corefile({ port: 0, api: endpoint, plugins: ['capture'] }),
    file: 'Corefile',
    defaultPort: 0,
    log: pino({ level: 'silent' }),
    version: '0.0.0',
    plugins: [capture, ...PLUGINS],
  })
  await site.start()
  const stop = async (): Promise<void> => {
    await site.stop()
    await api.close()
  }
  return { chain: chain!, stop }
}

export async function runMicro(tell: (line: string) => void): Promise<void> {
  const { chain, stop } = await serveCluster()
  const query = new Query()
  const reply = new Reply(Buffer.alloc(65_535))
  const rdata = Uint8Array.of(10, 96, 1, 1)
  const questions = SCENARIOS.find(({ name }) => name === 'mix')!
    .questions()
    .slice(0, QUESTIONS)
  const messages = questions.map(encodeQuery)
  const parsed = messages.map(message => {
    const one = new Query()
    one.parse(message, 0, message.length)
    return one
  })
  const origins = ['cluster.local.', 'in-addr.arpa.', 'example.com.'].map(origin => parseName(origin)!)
  const writer = new ZoneWriter(origins)
  for (const { name, nameLength } of parsed) {
    writer.publish(name.slice(0, nameLength), [{ type: Type.A, ttlSeconds: 30, rdata: [rdata] }])
  }
  const image = new ZoneImage(writer.buffer)
  const steps: readonly [string, (i: number) => void][] = [
    ['parse', i => void query.parse(messages[i], 0, messages[i].length)],
    ['lookup', i => void image.find(parsed[i].name, 0, parsed[i].nameLength, parsed[i].nameHash)],
    [
      'write',
      i => {
        reply.begin(parsed[i])
        reply.addRecord(Section.Answer, Type.A, 30, rdata)
        reply.finish(parsed[i], 0)
      },
    ],
    [
      'parse and chain, mix',
      i => {
        query.parse(messages[i], 0, messages[i].length)
        reply.begin(query)
        reply.finish(query, chain.serve(query, reply) as number)
      },
    ],
  ]
  const rows = steps.map(([name, step]) => [name, time(step).toFixed(0)])
  tell(formatRows(['part', 'ns'], rows, 1))
  await stop()
}
