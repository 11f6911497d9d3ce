// A server that is killed, and one that starts after it without an API.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clusterIP, namespace } from '../plugins/kubernetes/objects.ts'
import { openApi } from '../site/running.ts'
import { findFreePort } from '../site/threads.ts'
import { askTcp, askUdp, askUntil, kubezone, portOf, until } from './command.ts'

const WEB = 'web.ns.svc.cluster.local.'

void t.test('what a process that was killed has known, the next one answers', async t => {
  const api = openApi({ controllers: false })
  t.teardown(() => api.close())
  api.apply(namespace('ns'))
  api.apply(clusterIP('web', ['10.96.0.10']))
  const endpoint = `http://127.0.0.1:${await findFreePort()}`
  await api.listen({ port: Number(new URL(endpoint).port) })
  const Corefile = `.:0 {
      bind 127.0.0.1
      kubernetes cluster.local {
        endpoint ${endpoint}
        startup_timeout 1h
        snapshot names 1s
      }
    }`
  const cwd = t.testdir({ Corefile })
  const first = kubezone(t, ['-conf', 'Corefile'], { cwd })
  const answer = await askUdp(await portOf(first, 'dns'), WEB, 'A')
  t.match(answer, { rcode: 'NOERROR', answer: [`${WEB} 5 IN A 10.96.0.10`] })
  t.ok(await until(() => existsSync(join(cwd, 'names'))))
  t.match(await first.stop('SIGKILL'), { signal: 'SIGKILL' })
  await api.close()

  const second = kubezone(t, ['-conf', 'Corefile'], { cwd })
  const port = await portOf(second, 'dns')
  t.same(await askUdp(port, WEB, 'A'), answer)
  t.same((await askTcp(port, WEB, 'A')).answer, answer.answer)
  t.match(await askUdp(port, `none.${WEB}`, 'A'), { rcode: 'SERVFAIL' })
  const again = openApi({ controllers: false })
  t.teardown(() => again.close())
  again.apply(namespace('ns'))
  again.apply(clusterIP('web', ['10.96.0.11']))
  await again.listen({ port: Number(new URL(endpoint).port) })
  const moved = await askUntil(
    () => askUdp(port, WEB, 'A'),
    ({ answer }) => answer.includes(`${WEB} 5 IN A 10.96.0.11`),
  )
  t.match(moved, { rcode: 'NOERROR' })
  t.match(await askUdp(port, `none.${WEB}`, 'A'), { rcode: 'NXDOMAIN' })
  const { code, err } = await second.stop()
  t.same([code, err], [0, ''])
})
