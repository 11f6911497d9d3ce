// kubezone and CoreDNS over one API, with one Corefile, asked the same.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Command, kubezone, portOf } from '../cli/command.ts'
import { numbered } from '../corefiles/upstream.ts'
import { UdpClient } from '../server/clients.ts'
import { findCoreDns } from '../differential/coredns.ts'
import { findPort } from '../differential/port.ts'
import { buildQuery, decode } from '../server/message.ts'
import { type Answer, TYPES, describe } from '../site/zonefile.ts'
import { UpstreamServer } from '../upstream/server.ts'

export interface PairOptions {
  readonly folder: string
  readonly kubeconfig: string
  /** Other lines of the Corefile in the place of those that deploy/kubernetes has. */
  readonly replace?: Readonly<Record<string, string>>
}

/** A server that is asked. */
export class Asked {
  readonly command: Command
  readonly #client: UdpClient
  #last: Promise<unknown> = Promise.resolve()

  constructor(t: Test, command: Command, port: number) {
    this.command = command
    this.#client = new UdpClient(port)
    t.teardown(() => this.#client.close())
  }

  /** One question after the other. */
  ask(name: string, type: string): Promise<Answer> {
    const answer = this.#last.then(async () => {
      const query = buildQuery({ name, type: TYPES[type], edns: { size: 65_000 } })
      const [bytes] = await Promise.all([this.#client.receive(), this.#client.send(query)])
      return describe(decode(bytes), bytes)
    })
    this.#last = answer.catch(() => {})
    return answer
  }
}

/** The Corefile that deploy/kubernetes publishes, on the loopback, with another server to forward to. */
export function adaptCorefile(kubeconfig: string, upstream: number, replace: PairOptions['replace'] = {}): string {
  let text = readFileSync('deploy/kubernetes/base/Corefile', 'utf8')
  for (const [line, other] of Object.entries(replace)) text = text.replace(line, other)
  return (
    text
      .replace('.:53 {', '.:0 {\n    bind 127.0.0.1')
      .replace(/^(\s*)(prometheus|health|ready)(?: :\d+)?/gm, '$1$2 127.0.0.1:0')
      .replace(/lameduck \S+/, 'lameduck 1ms')
      // CoreDNS would keep denials of reverse names, too; what comes of the cluster, kubezone never does.
      .replace(/(disable \w+) cluster.local/g, '$1 cluster.local in-addr.arpa ip6.arpa')
      .replace('/etc/resolv.conf', `127.0.0.1:${upstream}`)
      .replace(/^( *)(pods \w+)$/m, `$1kubeconfig ${kubeconfig}\n$1$2`)
  )
}

export async function startUpstream(t: Test): Promise<UpstreamServer> {
  const upstream = await UpstreamServer.start(numbered(1))
  t.teardown(() => upstream.stop())
  return upstream
}

export async function startKubezone(t: Test, folder: string, corefile: string): Promise<Asked> {
  const file = join(folder, 'Corefile')
  writeFileSync(file, corefile)
  const command = kubezone(t, ['-conf', file])
  return new Asked(t, command, await portOf(command, 'dns'))
}

export async function startCoreDns(t: Test, folder: string, corefile: string): Promise<Asked> {
  const program = findCoreDns(() => {})
  if ('missing' in program) throw new Error(program.missing)
  const port = await findPort()
  const file = join(folder, 'Corefile.coredns')
  writeFileSync(file, corefile.replace('.:0 {', `.:${port} {`))
  const command = new Command(t, ['-conf', file], { program: program.file })
  // Printed when it listens: what is asked before is lost.
  await command.seen(/^CoreDNS-/m)
  return new Asked(t, command, port)
}

export class Pair {
  readonly kubezone: Asked
  readonly coredns: Asked

  private constructor(kubezone: Asked, coredns: Asked) {
    this.kubezone = kubezone
    this.coredns = coredns
  }

  /** Both are up; they may still be listening to the API. */
  static async start(t: Test, { folder, kubeconfig, replace }: PairOptions): Promise<Pair> {
    const { port } = await startUpstream(t)
    const corefile = adaptCorefile(kubeconfig, port, replace)
    const ours = await startKubezone(t, folder, corefile)
    return new Pair(ours, await startCoreDns(t, folder, corefile))
  }
}
