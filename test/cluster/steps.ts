// What is proved, one after the other: each step finds the cluster as the one before has left it.

import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { type Cluster, NAMESPACE } from './cluster.ts'
import { during, type Losses, tellLosses } from './lookups.ts'
import { checkNames, checkResolvConf, dig } from './names.ts'
import { applyKind, applyNodeLocal, applySwap, KIND, NODE_LOCAL } from './manifests.ts'
import { type Images, objects, UPSTREAM_ADDRESS } from './objects.ts'
import { checkLogs, countTcp, editCorefile, patchDeployment, readUsage, SERVERS } from './servers.ts'

const POLL_MS = 500
/** The kubelet's own pace for a ConfigMap and the pace of `reload`, with room. */
const RELOAD_MS = 180_000

interface Step {
  readonly title: string
  /** Resolves with the figures to tell. Rejects when it does not hold. */
  readonly check: () => Promise<string | undefined>
}

/** Nothing is lost when it is kubezone that ends, not even without a second try. */
function kubezoneEnds(losses: Losses): string {
  assert.deepEqual(losses.failed, [])
  assert.equal(losses.socket.lost, 0, tellLosses(losses))
  assert.equal(losses.dnsperf?.lost ?? 0, 0, `${tellLosses(losses)}\n${losses.dnsperf?.output}`)
  return tellLosses(losses)
}

export function steps(cluster: Cluster, images: Images): Step[] {
  let coredns = ''
  let dnsAddress = ''
  let upstream = ''

  const roll = async (change: () => Promise<unknown>): Promise<void> => {
    const before = await cluster.pick(SERVERS, '{.items[*].metadata.name}')
    await change()
    await cluster.kubectl('rollout status deployment/coredns -n kube-system --timeout=80s')
    // It is not over before the last of the old ones has gone.
    await cluster.kubectl([
      'wait',
      '-n',
      'kube-system',
      '--for=delete',
      '--timeout=80s',
      ...before.map(name => `pod/${name}`),
    ])
  }
  return [
    {
      title: 'CoreDNS serves, with a resolver of the test as its upstream',
      async check() {
        await cluster.kubectl(`create namespace ${NAMESPACE}`)
        await cluster.apply(...objects(images))
        ;[upstream] = await cluster.pick(`service upstream -n ${NAMESPACE}`, '{.spec.clusterIP}')
        ;[dnsAddress] = await cluster.pick('service kube-dns -n kube-system', '{.spec.clusterIP}')
        ;[coredns] = await cluster.pick(
          'deployment coredns -n kube-system',
          '{.spec.template.spec.containers[0].image}',
        )
        await editCorefile(cluster, text => text.replace(/forward \. \S+/, `forward . ${upstream}`))
        // As docs/migrate-from-coredns.md has it: so the end of a Pod is known to the nodes before that Pod has to go.
        const patch = [
          { op: 'add', path: '/spec/template/spec/containers/0/readinessProbe/periodSeconds', value: PERIOD_SECONDS },
        ]
        await roll(async () => {
          await patchDeployment(cluster, patch)
          // The patch changes nothing where an earlier run has left it.
          await cluster.kubectl('rollout restart deployment/coredns -n kube-system')
        })
        await cluster.kubectl(`rollout status statefulset/web -n ${NAMESPACE} --timeout=80s`)
        await cluster.kubectl(`wait pods --all -n ${NAMESPACE} --for=condition=Ready --timeout=80s`)
        return coredns
      },
    },
    {
      title: 'from CoreDNS to kubezone under load',
      async check() {
        const losses = await during(cluster, () => roll(() => applySwap(cluster, images)))
        assert.deepEqual(losses.failed, [])
        return tellLosses(losses)
      },
    },
    { title: 'memory and CPU after it', check: () => readUsage(cluster) },
    { title: 'the resolv.conf that the kubelet wrote', check: () => checkResolvConf(cluster, dnsAddress) },
    { title: 'every kind of name through the search path', check: () => checkNames(cluster) },
    {
      title: 'commands of the guides that need a node',
      async check() {
        const [api] = await cluster.pick('service kubernetes', '{.spec.clusterIP}')
        const inPod = 'exec -n kube-system deploy/coredns -- kubezone'
        const name = 'kubernetes.default.svc.cluster.local'
        assert.ok((await cluster.kubectl(`${inPod} lookup --server 127.0.0.1 ${name}`)).includes(api))
        assert.match(await cluster.kubectl(`${inPod} check /etc/coredns/Corefile`), /What differs from CoreDNS/)
        assert.match(await cluster.kubectl('-n kube-system logs deployment/coredns'), /serving \d+ names/)
        const ask = `run ask --rm -it --restart=Never --image=${images.busybox} -- nslookup ${name}`
        assert.ok((await cluster.kubectl(ask)).includes(api))
        return undefined
      },
    },
    { title: 'the log', check: () => checkLogs(cluster) },
    {
      title: 'a ConfigMap that was edited',
      async check() {
        const startMs = performance.now()
        const added = 'hosts {\n       192.0.2.99 added.test\n       fallthrough\n    }\n    forward .'
        await editCorefile(cluster, text => text.replace('forward .', added))
        // The kubelet looks at the ConfigMap of a Pod when something of that Pod changes, and once a minute.
        await cluster.kubectl(`annotate ${SERVERS} kubezone-test=edited`)
        for (const address of await cluster.pick(SERVERS, '{.items[*].status.podIP}')) {
          const ask = (): Promise<string[]> => dig(cluster, 'glibc', 'added.test.', `@${address}`)
          for (const limit = AbortSignal.timeout(RELOAD_MS); (await ask()).join() !== '192.0.2.99'; ) {
            assert.ok(!limit.aborted, `not served by ${address}`)
            await delay(POLL_MS)
          }
        }
        return `served by each after ${((performance.now() - startMs) / 1000).toFixed(0)} s`
      },
    },
    {
      title: 'three replicas',
      async check() {
        await cluster.kubectl('scale deployment/coredns -n kube-system --replicas=3')
        await cluster.kubectl('rollout status deployment/coredns -n kube-system --timeout=80s')
        const addresses = await cluster.pick(SERVERS, '{.items[*].status.podIP}')
        assert.equal(addresses.length, 3)
        for (const address of addresses) {
          assert.equal((await dig(cluster, 'glibc', 'kubernetes.default.svc.cluster.local.', `@${address}`)).length, 1)
        }
        return undefined
      },
    },
    {
      title: 'a rolling restart of kubezone under load',
      check: async () =>
        kubezoneEnds(
          await during(cluster, () => roll(() => cluster.kubectl('rollout restart deployment/coredns -n kube-system'))),
        ),
    },
    {
      title: 'a cache on the node',
      async check() {
        await applyNodeLocal(cluster, images, dnsAddress, upstream)
        await cluster.kubectl('rollout status daemonset/kubezone-node-local -n kube-system --timeout=80s')
        const [address] = await cluster.pick(`service web-vip -n ${NAMESPACE}`, '{.spec.clusterIP}')
        const before = await countTcp(cluster)
        for (const transport of ['+notcp', '+tcp']) {
          assert.deepEqual(await dig(cluster, 'node-local', 'web-vip', transport), [address])
          assert.deepEqual(await dig(cluster, 'node-local', 'www.upstream.test', transport), [UPSTREAM_ADDRESS])
        }
        assert.match(await cluster.exec('node-local', 'getent', 'hosts', 'web-vip'), new RegExp(`^${address} `))
        const asked = (await countTcp(cluster)) - before
        assert.ok(asked > 0, 'the servers of the cluster were asked nothing over TCP')
        return `${asked} questions over TCP to the servers of the cluster`
      },
    },
    {
      title: 'from kubezone back to CoreDNS under load',
      check: async () =>
        kubezoneEnds(
          await during(cluster, () =>
            roll(() => cluster.kubectl(`set image deployment/coredns -n kube-system coredns=${coredns}`)),
          ),
        ),
    },
    {
      title: 'beside CoreDNS, by manifests of its own',
      async check() {
        await applyKind(cluster, images)
        await cluster.kubectl('rollout status deployment/kubezone -n kube-system --timeout=80s')
        const addresses = await cluster.pick(OWN, '{.items[*].status.podIP}')
        assert.equal(addresses.length, 2)
        for (const address of addresses) {
          assert.equal((await dig(cluster, 'glibc', 'kubernetes.default.svc.cluster.local.', `@${address}`)).length, 1)
        }
        // One Pod may be taken away, and not both.
        const allowed = '--for=jsonpath={.status.disruptionsAllowed}=1'
        await cluster.kubectl(`wait ${allowed} poddisruptionbudget/kubezone -n kube-system --timeout=60s`)
        return undefined
      },
    },
  ]
}

const OWN = 'pods -n kube-system -l app.kubernetes.io/name=kubezone'

/** What lets a node hear of the end of kubezone in time: 5 s × 3 failures are less than the 28 s that it goes on for. */
const PERIOD_SECONDS = 5

export async function cleanUp(cluster: Cluster): Promise<void> {
  await cluster.kubectl(`delete namespace ${NAMESPACE} --ignore-not-found`)
  for (const folder of [NODE_LOCAL, KIND]) await cluster.kubectl(`delete -k ${folder} --ignore-not-found`)
}
