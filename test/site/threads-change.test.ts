// Serving threads that go over to another configuration, become more or fewer, or die.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Io } from '../../src/server/io.ts'
import { clusterIP } from '../plugins/kubernetes/objects.ts'
import { UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import { CLIENTS, REQUESTS, SERVFAIL, Threads, WEB, answerWith, block, findFreePort, openCluster } from './threads.ts'

/** Between two looks at what tells no one. */
const PAUSE_MS = 10

void t.test('a reload is for all threads or none, and loses no query, with more threads and with fewer', async t => {
  const site = await Threads.start(t, block(2, answerWith(1)))
  // Node's own sockets cannot be taken out of those that share a port before they close: there, threads are only added.
  const isDgram = process.env.KUBEZONE_IO === Io.Dgram
  const last = isDgram ? 3 : 1
  const over = new AbortController()
  let sent = 0
  const found = new Set<number | undefined>()
  const ask = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const client = new UdpClient(site.running.port)
      for (let i = 0; i < 5; i++) {
        sent++
        const { answers } = await client.ask(buildQuery({ name: `n${sent}.`, type: 1 }))
        found.add(answers[0]?.rdata.at(-1))
      }
      client.close()
    }
  }
  const asking = Array.from({ length: 8 }, ask)
  for (const [threads, n] of [
    [2, 2],
    [3, 3],
    [last, 4],
  ]) {
    await site.change(block(threads, answerWith(n)))
    t.equal(site.crew.threads.length, threads)
    t.same([...(await site.askAll('all.'))], [`0 ${n}`])
    sent += CLIENTS
  }
  over.abort()
  await Promise.all(asking)
  // Each client waits for its answer: that they came to their ends says that none was lost.
  t.ok(sent > 3 * CLIENTS)
  t.same(
    [...found].filter(n => n === undefined || n < 1 || n > 4),
    [],
  )
  t.equal(site.sum(REQUESTS), sent)

  // What one thread cannot do, none does.
  const taken = dgram.createSocket('udp4')
  taken.bind(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const more = `.:${taken.address().port} {\n    bind 127.0.0.1\n    whoami\n}\n`
  await site.change(block(last, answerWith(5)) + more)
  t.match(site.running.log.at(-1), /reload failed: listen udp 127\.0\.0\.1:\d+: address already in use.*goes on$/)
  t.same([...(await site.askAll('all.'))], ['0 4'])
  await site.change(block(last, answerWith(6)))
  t.same([...(await site.askAll('all.'))], ['0 6'])

  // Nor does who serves change.
  await site.change(block(last, answerWith(7)).replace(/ *multisocket.*\n/, ''))
  t.match(site.running.log.at(-1), /multisocket: .* takes a restart; what was running goes on$/)
  t.same([...(await site.askAll('all.'))], ['0 6'])
})

void t.test('a thread that dies comes back, and what it has counted stays', async t => {
  const { api, endpoint } = await openCluster(t)
  const site = await Threads.start(t, block(2, 'cache\n    kubernetes cluster.local'), { api: { endpoint } })
  await site.askAll(WEB)
  const [first] = site.crew.threads
  const isBack = (): boolean => site.sum('kubezone_serving_thread_restarts_total') === 1
  await first.terminate()
  t.equal(site.crew.threads.length, 1)
  // Its sockets are closed: all questions go to the other one.
  t.same([...(await site.askAll(WEB))], ['0 10'])
  api.apply(clusterIP('web', ['10.96.0.12']))
  while (!isBack()) await pause(PAUSE_MS)
  t.equal(site.crew.threads.length, 2)
  await site.become(t, WEB, '0 12')
  t.equal(site.slabs.length, 2)
  t.equal(site.sum(REQUESTS) % CLIENTS, 0)
  t.ok(site.counts(REQUESTS).every(count => count > 0))
  const told = site.running.log.filter(line => line.startsWith('multisocket:'))
  t.same(told, [
    'multisocket: a serving thread has ended: it was terminated; another one starts in 0.1s, the other threads go on',
  ])
})

void t.test('an upstream that hands questions back is switched off in all threads', async t => {
  const port = await findFreePort()
  const corefile = `.:${port} {\n bind 127.0.0.1\n multisocket 2\n loop\n forward . 127.0.0.1:${port}\n}\n`
  const site = await Threads.start(t, corefile)
  while (!site.running.log.some(line => line.startsWith('plugin/loop: upstream'))) await pause(PAUSE_MS)
  const told = site.running.log.filter(line => line.startsWith('plugin/loop: upstream'))
  t.equal(told.length, 1)
  t.equal(site.sum('kubezone_loop_detected_total'), 1)
  // Nobody asks anybody any more.
  await site.become(t, 'www.example.org.', String(SERVFAIL))
  const before = site.sum('coredns_proxy_request_duration_seconds_count')
  await site.askAll('www.example.com.')
  t.equal(site.sum('coredns_proxy_request_duration_seconds_count'), before)
})
