// Questions from Pods, and their answers.

import assert from 'node:assert/strict'
import { type Cluster, NAMESPACE } from './cluster.ts'
import { UPSTREAM_ADDRESS } from './objects.ts'

/** Lines of the answer, sorted. */
export async function dig(cluster: Cluster, pod: string, ...args: readonly string[]): Promise<string[]> {
  const out = await cluster.exec(pod, 'dig', '+search', '+short', '+tries=3', '+time=3', ...args)
  return out.trim().split('\n').sort()
}

export async function checkResolvConf(cluster: Cluster, dnsAddress: string): Promise<string> {
  const lines = (await cluster.exec('glibc', 'cat', '/etc/resolv.conf')).trim().split('\n')
  assert.ok(lines.includes(`nameserver ${dnsAddress}`), lines.join())
  assert.ok(
    lines.some(line => line.startsWith(`search ${NAMESPACE}.svc.cluster.local svc.cluster.local cluster.local`)),
  )
  return lines.join('; ')
}

export async function checkNames(cluster: Cluster): Promise<string> {
  const [vip] = await cluster.pick(`service web-vip -n ${NAMESPACE}`, '{.spec.clusterIP}')
  const [api] = await cluster.pick('service kubernetes', '{.spec.clusterIP}')
  const addresses = await cluster.pick(`pods -n ${NAMESPACE} -l app=web`, '{.items[*].status.podIP}')
  const first = (await cluster.pick(`pod web-0 -n ${NAMESPACE}`, '{.status.podIP}'))[0]
  const zone = `${NAMESPACE}.svc.cluster.local.`
  const dashed = first.replaceAll('.', '-')
  const expected: readonly (readonly [question: string, answer: readonly string[]])[] = [
    ['web-vip A', [vip]],
    [`web-vip.${NAMESPACE} A`, [vip]],
    [`web-vip.${NAMESPACE}.svc A`, [vip]],
    ['kubernetes.default A', [api]],
    ['web A', addresses],
    ['web-0.web A', [first]],
    ['_http._tcp.web SRV', [`0 50 80 web-0.web.${zone}`, `0 50 80 web-1.web.${zone}`]],
    ['_http._tcp.web-vip SRV', [`0 100 80 web-vip.${zone}`]],
    ['alias A', [`web-vip.${zone}`, vip]],
    ['outside A', ['www.upstream.test.', UPSTREAM_ADDRESS]],
    [`${dashed}.${NAMESPACE}.pod A`, [first]],
    [`-x ${vip}`, [`web-vip.${zone}`]],
    // Of two Services.
    [`-x ${first}`, [`web-0.web.${zone}`, `${dashed}.web-vip.${zone}`]],
    ['www.upstream.test A', [UPSTREAM_ADDRESS]],
    ['web-vip AAAA', ['']],
    ['missing A', ['']],
  ]
  for (const [question, answer] of expected) {
    for (const transport of ['+notcp', '+tcp']) {
      const found = await dig(cluster, 'glibc', ...question.split(' '), transport)
      assert.deepEqual(found, [...answer].sort(), `${question} ${transport}`)
    }
  }
  for (const [name, address] of [
    ['web-vip', vip],
    ['web-0.web', first],
    ['www.upstream.test', UPSTREAM_ADDRESS],
  ]) {
    assert.match(await cluster.exec('glibc', 'getent', 'hosts', name), new RegExp(`^${address} `), name)
  }
  for (const [name, address] of [
    ['web-vip', vip],
    [`web-0.web.${zone}`, first],
    ['www.upstream.test', UPSTREAM_ADDRESS],
  ]) {
    // It asks for all of the search path, and complains of what is not there.
    const out = await cluster.exec('busybox', 'sh', '-c', `nslookup ${name}; true`)
    assert.match(out, new RegExp(`^Address.*: ${address}\\s*$`, 'm'), name)
  }
  return `${expected.length} questions, over UDP and TCP`
}
