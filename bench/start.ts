// How long a start takes, from the process to its first answer for a name of the cluster: the files of the image, and CoreDNS beside it, with kubeadm's
// Corefile and an API over TLS, in this process.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '../src/fakeapi/certificate.ts'
import { FakeApi } from '../src/fakeapi/fakeapi.ts'
import { apiObjects, fullName, withClusterIP } from './cluster.ts'
import { findProgram } from './contender.ts'
import { writeImage } from './image.ts'
import { type Command, Running } from './process.ts'
import { formatRows, median } from './report.ts'
import { freePort, untilAnswered } from './run.ts'

const RUNS = 15
/** A small cluster: 100 Services with 400 endpoints. */
const NAMESPACE = 'team-0'
/** More often would take from what is measured. */
const ASK_MS = 2

interface Start {
  readonly ms: number
  /** Of all threads, until then. */
  readonly cpuMs: number
  readonly residentKib: number
}

/** Tells the medians. */
export async function measureStarts(tell: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kubezone-start-'))
  const { cert, key } = makeCertificate(['127.0.0.1'])
  const api = new FakeApi({ controllers: false })
  try {
    const url = await api.listen({ tls: { cert, key } })
    for (const object of apiObjects()) {
      const { name, namespace = name } = object.metadata
      if (namespace === NAMESPACE) api.apply(object)
    }
    const files = { cert: join(folder, 'cert'), key: join(folder, 'key'), resolvConf: join(folder, 'resolv.conf') }
    writeFileSync(files.cert, cert)
    writeFileSync(files.key, key)
    writeFileSync(files.resolvConf, 'nameserver 192.0.2.1\n')
    const coredns = findProgram('coredns')
    const programs: readonly (Command & { readonly name: string })[] = [
      { name: 'kubezone', ...writeImage(join(folder, 'root')) },
      ...(coredns === undefined ? [] : [{ name: 'CoreDNS', file: coredns, args: [] }]),
    ]
    const rows: string[][] = []
    for (const { name, ...program } of programs) {
      const starts: Start[] = []
      for (let i = 0; i < RUNS; i++) {
        const port = await freePort()
        const conf = join(folder, 'Corefile')
        writeFileSync(conf, corefile(port, url, files))
        starts.push(await measureStart(name, { ...program, args: [...program.args, '-conf', conf] }, port))
      }
      const all = starts.map(({ ms }) => ms)
      rows.push([
        name,
        median(all).toFixed(0),
        `${Math.min(...all).toFixed(0)}–${Math.max(...all).toFixed(0)}`,
        median(starts.map(({ cpuMs }) => cpuMs)).toFixed(0),
        (median(starts.map(({ residentKib }) => residentKib)) / 1024).toFixed(0),
      ])
    }
    tell(
      `${RUNS} starts, medians:\n\n${formatRows(['server', 'first answer, ms', 'all', 'CPU ms', 'RSS MB'], rows, 1)}`,
    )
  } finally {
    await api.close()
    rmSync(folder, { recursive: true })
  }
}

/** kubeadm's, but for the ports and the way to the API. */
function corefile(port: number, api: string, files: Readonly<Record<'cert' | 'key' | 'resolvConf', string>>): string {
  return `.:${port} {
    errors
    health :0 {
        lameduck 1ms
    }
    ready :0
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${api}
        tls ${files.cert} ${files.key} ${files.cert}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus :0
    forward . ${files.resolvConf} {
        max_concurrent 1000
    }
    cache 30 {
        disable success cluster.local
        disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`
}

async function measureStart(name: string, command: Command, port: number): Promise<Start> {
  const startedMs = performance.now()
  const running = new Running(command)
  try {
    await untilAnswered(running, { name }, port, `${fullName(withClusterIP[0])} A`, ASK_MS)
    const ms = performance.now() - startedMs
    return { ms, cpuMs: running.cpuMicroseconds() / 1000, residentKib: running.residentKib() }
  } finally {
    await running.stop()
  }
}
