// kubezone and CoreDNS: the same Corefile over the same API.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VERSION } from '../../src/cli/version.ts'
import { TTL_SECONDS } from '../cluster.ts'
import { type Contender, type Setting, ask } from '../contender.ts'
import type { Command } from '../process.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const BUNDLE = fileURLToPath(new URL('../../dist/lib/main.mjs', import.meta.url))

type Written = Pick<Setting, 'port' | 'metricsPort' | 'api' | 'plugins'>

/** Both are given the same. */
export function corefile({ port, metricsPort = 0, api, plugins }: Written): string {
  return `.:${port} {
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:${metricsPort}
    loadbalance
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${api}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl ${TTL_SECONDS}
    }
${plugins.map(line => `    ${line}\n`).join('')}}
`
}

function writeCorefile(setting: Setting): string {
  const file = join(setting.directory, 'Corefile')
  writeFileSync(file, corefile(setting))
  return file
}

type Runs = (file: string, corefile: string) => Command

/** A server that takes a Corefile. */
const contender = (described: Omit<Contender, 'command' | 'prepare' | 'hasTcp'>, command: Runs): Contender => ({
  ...described,
  hasTcp: true,
  command,
  prepare: (file, setting) => command(file, writeCorefile(setting)),
})

const kubezone = (name: string, io: string, main = MAIN): Contender =>
  contender(
    {
      name,
      program: process.execPath,
      get: '',
      version: () => `${VERSION}, Node ${process.versions.node}`,
    },
    (file, corefile) => ({ file, args: [main, '-conf', corefile], env: { KUBEZONE_IO: io } }),
  )

export const kubezoneBatch = kubezone('kubezone', 'batch')
export const kubezoneDgram = kubezone('kubezone, dgram', 'dgram')
/** What a package and the image run: without the types to strip it is smaller. None before `npm run build`. */
export const kubezoneBundle = existsSync(BUNDLE) ? [kubezone('kubezone, bundle', 'batch', BUNDLE)] : []

export const coredns: Contender = contender(
  {
    name: 'CoreDNS',
    program: 'coredns',
    get: 'go install github.com/coredns/coredns@v1.15.0',
    version: file => /\d+\.\d+\.\d+/.exec(ask(file, '-version'))?.[0] ?? 'unknown',
  },
  (file, corefile) => ({ file, args: ['-conf', corefile] }),
)
