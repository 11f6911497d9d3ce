// npm run test:cluster: kubezone in the place of CoreDNS, in a real cluster that may be thrown away. CONTRIBUTING.md has the settings.

import { fileURLToPath } from 'node:url'
import { Cluster, run } from './cluster.ts'
import { cleanUp, steps } from './steps.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const ARCHIVE = `${ROOT}dist/kubezone.tar`
const LIMIT_MS = 600_000

const env = (name: string, other: string): string => process.env[name] ?? other
const images = {
  kubezone: env('IMAGE', 'registry.local/kubezone:dev'),
  glibc: env('GLIBC_IMAGE', 'registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7'),
  busybox: env('BUSYBOX_IMAGE', 'busybox:stable'),
}

const startMs = performance.now()
function tell(line: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0).padStart(3)
  process.stderr.write(`test:cluster: ${seconds} s  ${line}\n`)
}

/** Ends the steps; what they have made is taken away all the same. */
const ending = new AbortController()
const timer = setTimeout(() => ending.abort(new Error(`not over in ${LIMIT_MS / 1000} s`)), LIMIT_MS)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort(new Error(signal)))

/** A setting that is a command of the shell. */
const shell = (command: string, signal: AbortSignal): Promise<string> => run(['sh', '-c', command], '', signal)

async function main(load: string): Promise<void> {
  const { signal } = ending
  const kubectl = env('KUBECTL', 'kubectl').split(' ')
  tell(`image ${(await run(['npm', 'run', '--silent', 'image'], '', signal)).trim()}`)
  const up = process.env['CLUSTER_UP']
  const down = process.env['CLUSTER_DOWN']
  try {
    if (up !== undefined) {
      await shell(up, signal)
      tell('cluster is up')
    }
    await shell(`${load} '${ARCHIVE}'`, signal)
    const cluster = new Cluster(kubectl, signal)
    try {
      for (const { title, check } of steps(cluster, images)) {
        try {
          const figures = await check()
          tell(`ok    ${title}${figures === undefined ? '' : `: ${figures}`}`)
        } catch (error) {
          tell(`FAILED ${title}`)
          throw signal.aborted ? signal.reason : error
        }
      }
    } finally {
      // CoreDNS stays as the last step has left it: nobody but its owner knows what else is in its Corefile.
      if (down === undefined) await cleanUp(new Cluster(kubectl, AbortSignal.timeout(60_000)))
    }
  } finally {
    if (down !== undefined) {
      await shell(down, AbortSignal.timeout(60_000))
      tell('cluster is down')
    }
  }
}

const load = process.env['LOAD_IMAGE']
if (process.env['KUBECONFIG'] === undefined || load === undefined) {
  tell(
    "skipped: it needs a cluster to throw away. KUBECONFIG=FILE LOAD_IMAGE='kind load image-archive', and where it is yet to be started CLUSTER_UP='kind create cluster' CLUSTER_DOWN='kind delete cluster'",
  )
} else {
  await main(load).catch((error: Error) => {
    process.stderr.write(`${error.stack}\n`)
    process.exitCode = 1
  })
}
clearTimeout(timer)
