// Serving threads whose heap is too small. A file of its own: flags of V8 hold for all threads of a process that begin after them.

import v8 from 'node:v8'
import t from 'tap'
import { Io } from '../../src/server/io.ts'
import { UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { REQUESTS, Threads, answerWith, block } from './threads.ts'

/** Questions that one client has under way. */
const AT_ONCE = 32
const RESTARTS = 'kubezone_serving_thread_restarts_total'

/** Of the threads that begin from now on; 0 is what V8 chooses. */
const setHeapLimit = (megabytes: number): void => v8.setFlagsFromString(`--max-old-space-size=${megabytes}`)
/** A thread has room to begin, and little more. */
const SMALL_MB = 64
/** It does not even begin. */
const TOO_SMALL_MB = 8
t.teardown(() => setHeapLimit(0))

/** All answers to what is asked until it is so. */
async function askUntil(site: Threads, isSo: () => boolean): Promise<string[]> {
  const found = new Set<string>()
  while (!isSo()) for (const answer of await site.askAll('a.')) found.add(answer)
  return [...found]
}

void t.test('a thread whose heap is full answers what it has received and comes back; the others go on', async t => {
  // A cache that may keep more than there is: 200 MB of answers of 4 KB.
  const strings = Array(15).fill('0123456789'.repeat(25))
  const text = strings.map(string => `\\"${string}\\"`).join(' ')
  const lines = `cache {\n success 200000\n }\n template IN TXT . {\n answer "{{ .Name }} 3600 IN TXT ${text}"\n }`
  setHeapLimit(SMALL_MB)
  const site = await Threads.start(t, block(2, `${lines}\n${answerWith(1)}`))
  const ended = Promise.race(site.crew.threads.map(thread => thread.ended))
  // From one socket: all of it comes to one of the threads.
  const client = new UdpClient(site.running.port)
  t.teardown(() => client.close())
  let sent = 0
  const ask = async (): Promise<void> => {
    const { answers } = await client.ask(buildQuery({ name: `n${sent++}.`, type: 16, edns: { size: 4_096 } }))
    if (answers.length !== 1) throw new Error(`${answers.length} answers`)
  }
  let asking: Promise<unknown> = Promise.resolve()
  let reason: unknown
  while (typeof reason !== 'string') {
    asking = Promise.all(Array.from({ length: AT_ONCE }, ask))
    reason = await Promise.race([ended, asking])
  }
  t.equal(reason, 'its heap was full')
  // Node's own sockets lose what comes between the last look at them and their end.
  const isDgram = process.env.KUBEZONE_IO === Io.Dgram
  if (!isDgram) {
    await asking
    t.equal(site.sum(REQUESTS), sent)
  }
  t.equal(site.crew.threads.length, 1)
  t.same(await askUntil(site, () => site.sum(RESTARTS) > 0), ['0 1'])
  t.equal(site.sum(RESTARTS), 1)
  t.equal(site.crew.threads.length, 2)
  t.same(site.running.log, [
    'multisocket: a serving thread has ended: its heap was full; another one starts in 0.1s, the other threads go on',
  ])
})

void t.test('a thread that V8 ends for its heap comes back when there is room; the others go on', async t => {
  setHeapLimit(0)
  const site = await Threads.start(t, block(2, answerWith(1)))
  setHeapLimit(TOO_SMALL_MB)
  await site.crew.threads[0].terminate()
  const tries = (): string[] => site.running.log.filter(line => line.includes('reaching memory limit'))
  t.same(await askUntil(site, () => tries().length > 0), ['0 1'])
  t.equal(site.sum(RESTARTS), 0)
  t.equal(site.crew.threads.length, 1)

  // A reload that needs a thread that cannot be had.
  await site.change(block(3, answerWith(2)))
  t.match(
    site.running.log.at(-1),
    /reload failed: a serving thread has ended: .* memory limit.*; what was running goes on$/,
  )
  t.same([...(await site.askAll('a.'))], ['0 1'])

  setHeapLimit(0)
  t.same(await askUntil(site, () => site.sum(RESTARTS) > 0), ['0 1'])
  t.equal(site.sum(RESTARTS), 1)
  t.equal(site.crew.threads.length, 2)
  t.same([...(await site.askAll('a.'))], ['0 1'])
})
