// Several serving threads: each with sockets of its own, all with one configuration.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { kubezone } from '../cli/command.ts'
import { clusterIP } from '../plugins/kubernetes/objects.ts'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'
import type { AskerInput } from './asker.ts'
import { CLIENTS, NXDOMAIN, REQUESTS, SERVFAIL, Threads, WEB, block, openCluster } from './threads.ts'

/** Without an answer: only a limit. */
const PATIENCE_MS = 20_000

void t.test('every thread answers the same, over UDP and TCP, and what they count is added up', async t => {
  const { api, endpoint } = await openCluster(t)
  const site = await Threads.start(t, block(2, 'kubernetes cluster.local'), { api: { endpoint } })
  t.same([...(await site.askAll(WEB))], ['0 10'])
  t.ok(
    site.counts(REQUESTS).every(count => count > 0),
    site.counts(REQUESTS).join(),
  )
  t.equal(site.slabs.length, 2)
  t.equal(site.sum(REQUESTS), CLIENTS)
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => TcpClient.connect(site.running.port)))
  for (const connection of connections) {
    const { rcode, answers } = await connection.ask(buildQuery({ name: WEB, type: 1 }))
    t.same([rcode, answers.length], [0, 1])
    connection.socket.destroy()
  }
  t.equal(site.sum(REQUESTS), 2 * CLIENTS)
  t.equal(site.sum('coredns_dns_request_duration_seconds_count'), 2 * CLIENTS)
  t.equal(site.sum('kubezone_serving_threads'), 2)

  // What the API says next shows in all of them, when the image moves, too.
  api.apply(clusterIP('web', ['10.96.0.11']))
  await site.become(t, WEB, '0 11')
  for (let i = 0; i < 400; i++) api.apply(clusterIP(`more-${i}`, [`10.97.${i >> 8}.${i & 255}`]))
  await site.become(t, 'more-399.ns.svc.cluster.local.', `0 ${399 & 255}`)
  t.same([...(await site.askAll('more-0.ns.svc.cluster.local.'))], ['0 0'])
})

void t.test('threads answer while the control thread does something else, however long', async t => {
  const { endpoint } = await openCluster(t)
  const site = await Threads.start(t, block(2, 'kubernetes cluster.local'), { api: { endpoint } })
  await site.askAll(WEB)
  const answered = new Int32Array(new SharedArrayBuffer(4))
  const workerData: AskerInput = { port: site.running.port, name: WEB, clients: CLIENTS, rounds: 20, answered }
  const asker = new Worker(new URL('asker.ts', import.meta.url), { workerData })
  t.teardown(() => asker.terminate())
  await once(asker, 'message')
  asker.postMessage('ask', [])
  // As when it lists anew, or moves the image: it does not even look at its sockets and messages.
  const all = CLIENTS * workerData.rounds
  let seen = 0
  while (seen < all && Atomics.wait(answered, 0, seen, PATIENCE_MS) !== 'timed-out') seen = Atomics.load(answered, 0)
  t.equal(seen, all)
  t.equal(site.sum(REQUESTS), CLIENTS + all)
})

void t.test('before the API has been heard no name is missing, and afterwards it is, in all threads', async t => {
  const options = 'kubernetes cluster.local {\n        startup_timeout 1ms\n    }'
  const { api, endpoint } = await openCluster(t)
  const unheard = api.faults.hold()
  // Where a stream is silent for long, pages are asked for.
  const unlisted = api.faults.answer(503, { verb: 'list', count: Infinity })
  const site = await Threads.start(t, block(2, options), { api: { endpoint } })
  t.same([...(await site.askAll('none.ns.svc.cluster.local.'))], [String(SERVFAIL)])
  unlisted.remove()
  unheard.release()
  await site.become(t, 'none.ns.svc.cluster.local.', String(NXDOMAIN))
})

void t.test('what all threads find alike is told once, and what they are asked by each', async t => {
  const hosts = join(t.testdir(), 'none')
  const site = await Threads.start(t, block(2, `hosts ${hosts} {\n 10.0.0.1 a.\n }\n    log`))
  await site.askAll('a.')
  t.equal(site.running.log.filter(line => line.startsWith('plugin/hosts: File does not exist')).length, 1)
  const lines = readFileSync(site.logFile, 'utf8').trimEnd().split('\n')
  t.equal(lines.length, CLIENTS)
  for (const line of lines) t.match(line, /^\[INFO\] 127\.0\.0\.1:\d+ - \d+ "A IN a\. udp .*s$/)
})

void t.test('the process ends in peace', async t => {
  const corefile = join(
    t.testdir({ Corefile: '.:0 {\n bind 127.0.0.1\n multisocket 2\n whoami\n log\n}\n' }),
    'Corefile',
  )
  const server = kubezone(t, ['-conf', corefile])
  const [, port] = await server.seen(/listening on dns:\/\/127\.0\.0\.1:(\d+)/)
  for (let i = 0; i < CLIENTS; i++) {
    const client = new UdpClient(Number(port))
    t.equal((await client.ask(buildQuery({ name: 'a.', type: 1 }))).rcode, 0)
    client.close()
  }
  const { code, out, err } = await server.stop()
  t.equal(code, 0)
  t.equal(err, '')
  t.equal(out.split('\n').filter(line => / "A IN a\. udp /.test(line)).length, CLIENTS)
})
