// The Deployment of CoreDNS, with whatever image, and the Pods of it.

import assert from 'node:assert/strict'
import type { Cluster } from './cluster.ts'

/** For `kubectl get`. */
export const SERVERS = 'pods -n kube-system -l k8s-app=kube-dns'
/** kubeadm's. */
const MEMORY_LIMIT_MIB = 170

export function patchDeployment(cluster: Cluster, patch: readonly object[]): Promise<string> {
  return cluster.kubectl([
    'patch',
    'deployment/coredns',
    '-n',
    'kube-system',
    '--type=json',
    '-p',
    JSON.stringify(patch),
  ])
}

export async function editCorefile(cluster: Cluster, edit: (text: string) => string): Promise<void> {
  const text = await cluster.kubectl([
    'get',
    'configmap',
    'coredns',
    '-n',
    'kube-system',
    '-o',
    'jsonpath={.data.Corefile}',
  ])
  const edited = edit(text)
  assert.notEqual(edited, text, `nothing to edit in ${text}`)
  const patch = JSON.stringify({ data: { Corefile: edited } })
  await cluster.kubectl(['patch', 'configmap', 'coredns', '-n', 'kube-system', '-p', patch])
}

/** Few lines, and none that only a programmer reads. */
export async function checkLogs(cluster: Cluster): Promise<string> {
  const names = await cluster.pick(SERVERS, '{.items[*].metadata.name}')
  const counts: number[] = []
  for (const name of names) {
    const log = await cluster.kubectl(`logs ${name} -n kube-system`)
    const lines = log.trim().split('\n')
    assert.ok(lines.length < 25, log)
    assert.doesNotMatch(log, /^\s+at |\[ERROR\]/m, log)
    counts.push(lines.length)
  }
  return `${counts.join(' and ')} lines`
}

/** Questions over TCP that they have had, as their metrics tell. */
export async function countTcp(cluster: Cluster): Promise<number> {
  let sum = 0
  for (const name of await cluster.pick(SERVERS, '{.items[*].metadata.name}')) {
    const metrics = await cluster.kubectl(`get --raw /api/v1/namespaces/kube-system/pods/${name}:9153/proxy/metrics`)
    for (const [, count] of metrics.matchAll(/^coredns_dns_requests_total\{[^}]*proto="tcp"[^}]*\} (\S+)$/gm))
      sum += Number(count)
  }
  return sum
}

interface Summary {
  readonly pods: readonly {
    readonly podRef: { readonly name: string }
    readonly containers: readonly {
      readonly cpu: { readonly usageCoreNanoSeconds: number }
      readonly memory: { readonly workingSetBytes: number; readonly rssBytes: number }
    }[]
  }[]
}

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)

/** As the kubelet has measured it, within the last seconds. */
export async function readUsage(cluster: Cluster): Promise<string> {
  const names = new Set(await cluster.pick(SERVERS, '{.items[*].metadata.name}'))
  const figures: string[] = []
  for (const node of await cluster.pick('nodes', '{.items[*].metadata.name}')) {
    const { pods } = JSON.parse(await cluster.kubectl(`get --raw /api/v1/nodes/${node}/proxy/stats/summary`)) as Summary
    for (const { podRef, containers } of pods.filter(({ podRef }) => names.has(podRef.name))) {
      const [{ cpu, memory }] = containers
      assert.ok(mib(memory.workingSetBytes) < MEMORY_LIMIT_MIB, podRef.name)
      const seconds = (cpu.usageCoreNanoSeconds / 1e9).toFixed(1)
      figures.push(`${mib(memory.workingSetBytes)} MiB (${mib(memory.rssBytes)} resident), ${seconds} s of CPU`)
    }
  }
  assert.equal(figures.length, names.size)
  return `${figures.join('; ')}; limit ${MEMORY_LIMIT_MIB} MiB`
}
