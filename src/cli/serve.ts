// `kubezone` and `kubezone try`: read the Corefile, start what it says, and run until a signal comes.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { FakeApi } from '../fakeapi/fakeapi.ts'
import { PLUGINS } from '../plugins/order.ts'
import type { ApiDefaults } from '../server/plugin.ts'
import { type Flags, parseFlags } from './flags.ts'
import { HELP } from './help.ts'
import { createLog } from './log.ts'
import { Memory } from './memory.ts'
import { writeOut } from './output.ts'
import { trapSignals } from './signals.ts'
import { Site } from './site.ts'
import { VERSION, VERSION_TEXT } from './version.ts'
import { welcome } from './welcome.ts'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))
const TRIAL_PORT = 1053
const DNS_PORT = 53

export interface Corefile {
  readonly text: string
  readonly file: string
  /** Reads it anew; undefined for what can be read once only. */
  readonly read: (() => string) | undefined
}

/** Runs until a signal ends it; resolves with the exit code. Rejects with what a person can mend, as one line. */
export async function serve(args: readonly string[], isTrial: boolean): Promise<number> {
  const flags = parseFlags(args)
  if (flags.help || flags.version || flags.plugins) {
    print(flags.help ? HELP.trimEnd() : flags.version ? VERSION_TEXT : listPlugins())
    return 0
  }
  const target = { format: flags.logFormat, descriptor: 1 }
  const log = createLog(target)
  const isExample = isTrial && flags.conf === undefined
  if (isTrial && flags.manifests.length === 0 && flags.kubeconfig === undefined) flags.manifests.push(EXAMPLES)
  const corefile = isExample ? readCorefile(`${EXAMPLES}/Corefile`) : findCorefile(flags.conf)
  const fakeApi = flags.manifests.length > 0 ? await makeApi(flags.manifests, log) : undefined
  try {
    const endpoint = await fakeApi?.listen()
    const api: ApiDefaults = { endpoint, kubeconfig: flags.kubeconfig }
    const defaultPort = flags.dnsPort ?? (isTrial ? TRIAL_PORT : DNS_PORT)
    const fatal = Promise.withResolvers<number>()
    const memory = new Memory()
    const site = new Site({
      corefile: corefile.text,
      file: corefile.file,
      readCorefile: corefile.read,
      defaultPort,
      log,
      threadLog: target,
      version: VERSION,
      api,
      memory,
      onFatal: () => fatal.resolve(1),
    })
    return await run(site, memory, flags, log, fatal.promise, () => {
      // The welcome is for a person; JSON is not.
      if (isExample && fakeApi && flags.logFormat === 'text') welcome(fakeApi.store, site.addresses(), print)
      if (endpoint !== undefined)
        tell(flags, log, `The API is at ${endpoint}: kubectl --server ${endpoint} get services -A`)
    })
  } finally {
    await fakeApi?.close()
  }
}

/** Loaded when it is asked for: a server in a cluster has no need of it, nor room. */
async function makeApi(paths: readonly string[], log: Logger): Promise<FakeApi> {
  const { makeFilledApi } = await import('./manifests.ts')
  return makeFilledApi(paths, log)
}

async function run(
  site: Site,
  memory: Memory,
  flags: Flags,
  log: Logger,
  fatal: Promise<number>,
  onStarted: () => void,
): Promise<number> {
  const { graceful, immediate } = trapSignals(log, () => void site.reload())
  // Nothing is answered before the start is over: whoever asks for the end until then need not wait for it.
  const code = await Promise.race([site.start(), fatal, immediate, graceful.then(() => 0)])
  if (code !== undefined) return code
  memory.letYoungHeapGrow()
  const pidfile = writePidfile(flags.pidfile, log)
  try {
    if (!flags.quiet) for (const line of [...site.keys, VERSION_TEXT]) tell(flags, log, line)
    for (const url of site.chosenPorts()) log.info(`listening on ${url}`)
    if (!flags.quiet) onStarted()
    return await Promise.race([
      fatal,
      immediate,
      graceful.then(signal => site.stop(signal === 'SIGTERM')).then(() => 0),
    ])
  } finally {
    if (pidfile !== undefined) rmSync(pidfile, { force: true })
  }
}

/** As CoreDNS does it: a server that answers is worth more than the file. Returns the path when it was written. */
function writePidfile(file: string | undefined, log: Logger): string | undefined {
  if (file === undefined) return undefined
  try {
    writeFileSync(file, `${process.pid}\n`)
    return file
  } catch (error) {
    log.error(`-pidfile ${file} cannot be written: ${(error as Error).message}`)
    return undefined
  }
}

/** The flag, ./Corefile, and without either none: CoreDNS's order. */
function findCorefile(conf: string | undefined): Corefile {
  if (conf !== undefined || existsSync('Corefile')) return readCorefile(conf ?? 'Corefile')
  return { text: '', file: 'Corefile', read: () => findCorefile(undefined).text }
}

/** Reads a Corefile, for `stdin` from there. Throws what a person can mend, as one line. */
export function readCorefile(file: string): Corefile {
  try {
    const isStream = file === 'stdin'
    const text = readFileSync(isStream ? 0 : file, 'utf8')
    return { text, file, read: isStream ? undefined : () => readCorefile(file).text }
  } catch (error) {
    const { code = 'an unknown error' } = error as NodeJS.ErrnoException
    const reason = READ_ERRORS[code] ?? `it cannot be read (${code})`
    throw new Error(`the Corefile '${file}': ${reason}`, { cause: error })
  }
}

const READ_ERRORS: Readonly<Record<string, string | undefined>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'this user may not read it',
}

function listPlugins(): string {
  const names = PLUGINS.map(({ name }) => `  dns.${name}`).sort()
  return `Server types:\n  dns\n\nCaddyfile loaders:\n  flag\n  default\n\nOther plugins:\n${names.join('\n')}`
}

/** A line of the start: as it is, unless whoever reads the output counts on JSON. */
function tell(flags: Flags, log: Logger, line: string): void {
  if (flags.logFormat === 'json') log.info(line)
  else print(line)
}

function print(line: string): void {
  writeOut(`${line}\n`)
}
