// `kubezone` and `kubezone try`: read the Corefile, start what it says, and run until a signal comes.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { FakeApi } from '../fakeapi/fakeapi.ts'
import { PLUGINS } from '../plugins/order.ts'
import type { ApiDefaults } from '../server/plugin.ts'
import { type Flags, parseFlags } from './flags.ts'
import { HELP } from './help.ts'
import { createLog } from './log.ts'
import { fillApi } from './manifests.ts'
import { Site } from './site.ts'
import { VERSION, VERSION_TEXT } from './version.ts'
import { welcome } from './welcome.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))
const TRIAL_PORT = 1053
const DNS_PORT = 53

interface Corefile {
  readonly text: string
  readonly file: string
}

/** Runs until a signal ends it; resolves with the exit code. Rejects with what a person can mend, as one line. */
export async function serve(args: readonly string[], isTrial: boolean): Promise<number> {
  const flags = parseFlags(args)
  if (flags.help || flags.version || flags.plugins) {
    print(flags.help ? HELP.trimEnd() : flags.version ? VERSION_TEXT : listPlugins())
    return 0
  }
  const log = createLog(flags.logFormat, flags.quiet)
  const isExample = isTrial && flags.conf === undefined
  if (isTrial && flags.manifests.length === 0 && flags.kubeconfig === undefined) flags.manifests.push(EXAMPLES)
  const corefile = isExample ? readCorefile(`${EXAMPLES}/Corefile`) : findCorefile(flags.conf)
  const fakeApi = flags.manifests.length > 0 ? new FakeApi() : undefined
  try {
    if (fakeApi) await fillApi(fakeApi, flags.manifests, log)
    const endpoint = await fakeApi?.listen()
    const api: ApiDefaults = { endpoint, kubeconfig: flags.kubeconfig }
    const defaultPort = flags.dnsPort ?? (isTrial ? TRIAL_PORT : DNS_PORT)
    const site = new Site({ corefile: corefile.text, file: corefile.file, defaultPort, log, version: VERSION, api })
    return await run(site, flags, log, () => {
      if (isExample && fakeApi) welcome(fakeApi.store, site.addresses(), print)
      if (endpoint !== undefined) print(`The API is at ${endpoint}: kubectl --server ${endpoint} get services -A`)
    })
  } finally {
    await fakeApi?.close()
  }
}

async function run(site: Site, flags: Flags, log: Logger, onStarted: () => void): Promise<number> {
  // Before anything is opened: a signal during a long start ends it, too.
  const signal = awaitSignal(log)
  const starting = site.start()
  const first = await Promise.race([starting.then(() => undefined), signal])
  if (first === undefined) {
    if (flags.pidfile !== undefined) writeFileSync(flags.pidfile, `${process.pid}\n`)
    if (!flags.quiet) for (const line of [...site.keys, VERSION_TEXT]) print(line)
    if (!flags.quiet) onStarted()
  }
  const { name, code } = first ?? (await signal)
  if (name !== 'SIGQUIT') {
    log.info(`${name}: Shutting down servers then terminating`)
    await starting.catch(() => {})
    await site.stop()
  }
  if (flags.pidfile !== undefined) rmSync(flags.pidfile, { force: true })
  return code
}

interface Signal {
  readonly name: NodeJS.Signals
  readonly code: number
}

/** The first signal that ends the process. A second SIGINT does not wait for anything. */
function awaitSignal(log: Logger): Promise<Signal> {
  process.on('SIGHUP', () => {})
  // Without a listener Node would open its debugger.
  process.on('SIGUSR1', () => log.warn('SIGUSR1: this version does not reload; restart it'))
  return new Promise(resolve => {
    process.once('SIGTERM', () => resolve({ name: 'SIGTERM', code: 0 }))
    process.once('SIGQUIT', () => resolve({ name: 'SIGQUIT', code: 0 }))
    process.once('SIGINT', () => {
      process.once('SIGINT', () => resolve({ name: 'SIGQUIT', code: 2 }))
      resolve({ name: 'SIGINT', code: 0 })
    })
  })
}

/** CoreDNS's order: the flag, ./Corefile, and without either a server that says who asked. */
function findCorefile(conf: string | undefined): Corefile {
  if (conf === 'stdin') return { text: readFileSync(0, 'utf8'), file: 'stdin' }
  if (conf !== undefined) return readCorefile(conf)
  if (existsSync('Corefile')) return readCorefile('Corefile')
  return { text: '. {\n    whoami\n    log\n}\n', file: 'Corefile' }
}

export function readCorefile(file: string): Corefile {
  try {
    return { text: readFileSync(file, 'utf8'), file }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'there is no such file' : `it cannot be read (${code})`
    throw new Error(`Corefile ${file}: ${reason}`, { cause: error })
  }
}

function listPlugins(): string {
  const names = PLUGINS.map(({ name }) => `  dns.${name}`).sort()
  return `Server types:\n  dns\n\nCaddyfile loaders:\n  flag\n  default\n\nOther plugins:\n${names.join('\n')}`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
