// The programs that these tests run beside ours: CoreDNS, and a control plane that is built once from what Kubernetes and etcd publish.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../bench/contender.ts'
import { findCoreDns } from '../differential/coredns.ts'

const SOURCE = fileURLToPath(new URL('control-plane', import.meta.url))
const KUBERNETES_VERSION = 'v1.36.3'
/** Between two lines that tell how far a build is. */
const PROGRESS_MS = 15_000

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'kubezone')

/** Named after what it is built from: another version is another file. */
export const CONTROL_PLANE = join(cache, `control-plane-${hashSource()}`)

function hashSource(): string {
  const hash = createHash('sha256')
  for (const file of ['go.mod', 'go.sum', 'main.go']) hash.update(readFileSync(join(SOURCE, file)))
  return hash.digest('hex').slice(0, 12)
}

/** Builds what is missing. The reason, in one line, when something is missing and there is nothing to build it with. */
export async function buildPrograms(tell: (line: string) => void): Promise<string | undefined> {
  const go = findProgram('go')
  const isThere = existsSync(CONTROL_PLANE)
  if (!isThere && go === undefined) {
    return `${CONTROL_PLANE} is not there, and no Go to build it with (1.26 or newer, https://go.dev/dl)`
  }
  const coredns = findCoreDns(tell)
  if ('missing' in coredns) return coredns.missing
  if (!isThere) await buildControlPlane(go!, tell)
  return undefined
}

async function buildControlPlane(go: string, tell: (line: string) => void): Promise<void> {
  tell(`building etcd, kube-apiserver, kube-controller-manager and kubectl ${KUBERNETES_VERSION} into ${cache}`)
  tell('(once; 5 to 9 minutes on two cores, 620 MB of sources and 3 GB in the cache of Go)')
  mkdirSync(cache, { recursive: true })
  for (const file of readdirSync(cache)) {
    if (file.startsWith('control-plane-')) rmSync(join(cache, file))
  }
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(KUBERNETES_VERSION)!
  const version = 'k8s.io/component-base/version'
  const values = {
    [`${version}.gitVersion`]: KUBERNETES_VERSION,
    [`${version}.gitMajor`]: major,
    [`${version}.gitMinor`]: minor,
    [`${version}.gitTreeState`]: 'clean',
    [`${version}.gitCommit`]: 'unknown',
    [`${version}.buildDate`]: '1970-01-01T00:00:00Z',
    'k8s.io/client-go/pkg/version.gitVersion': KUBERNETES_VERSION,
  }
  const flags = ['-s', '-w', ...Object.entries(values).map(([name, value]) => `-X ${name}=${value}`)]
  // Under its name only when it is whole.
  const unfinished = join(cache, `unfinished-${process.pid}`)
  const args = ['build', '-v', '-trimpath', '-o', unfinished, '-ldflags', flags.join(' '), '.']
  await run(go, args, { CGO_ENABLED: '0' }, tell)
  renameSync(unfinished, CONTROL_PLANE)
}

/** Go prints each package that it has to compile: how many those are is what is told. Rejects when it fails. */
async function run(
  go: string,
  args: string[],
  env: Record<string, string>,
  tell: (line: string) => void,
): Promise<void> {
  const startMs = performance.now()
  const seconds = (): string => `${Math.round((performance.now() - startMs) / 1000)} s`
  let packages = 0
  let end = ''
  const child = spawn(go, args, { cwd: SOURCE, env: { ...process.env, ...env }, stdio: ['ignore', 'inherit', 'pipe'] })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    packages += text.split('\n').length - 1
    end = (end + text).slice(-4_000)
  })
  const progress = setInterval(() => tell(`${packages} packages, ${seconds()}`), PROGRESS_MS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearInterval(progress)
  if (code !== 0) throw new Error(`go ${args[0]} failed:\n${end}`)
  tell(`built in ${seconds()}`)
}
