// CoreDNS itself, built once into a cache: the oracle.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'

const VERSION = 'v1.15.0'

function run(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(file, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** The path of the program, or why it is not to be had, in one line. Building takes minutes, once. */
export function findCoreDns(tell: (line: string) => void): { file: string } | { missing: string } {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'kubezone', `coredns-${VERSION}`)
  const file = join(cache, 'coredns')
  const isThere = (): boolean => {
    try {
      accessSync(file)
      return true
    } catch {
      return false
    }
  }
  if (isThere()) return { file }
  try {
    run('go', ['version'])
  } catch {
    return { missing: `CoreDNS ${VERSION} is built with Go, which is not installed` }
  }
  tell(`building CoreDNS ${VERSION} into ${cache}; once, some minutes`)
  try {
    run('go', ['install', `github.com/coredns/coredns@${VERSION}`], { GOBIN: cache, GOTOOLCHAIN: 'local', GOFLAGS: '' })
  } catch (error) {
    const text = (error as { stderr?: string }).stderr ?? ''
    return {
      missing: `CoreDNS ${VERSION} cannot be built here: ${text.trim().split('\n').at(-1) ?? 'go install failed'}`,
    }
  }
  return { file }
}

/** Until the first line of output that has `serving`, or an end. */
const START_TIMEOUT_MS = 20_000

export class CoreDns {
  readonly #child: ChildProcess
  readonly #directory: string

  private constructor(child: ChildProcess, directory: string) {
    this.#child = child
    this.#directory = directory
  }

  /** Rejects with what it said when it does not start. */
  static async start(file: string, corefile: string): Promise<CoreDns> {
    const directory = mkdtempSync(join(tmpdir(), 'kubezone-coredns-'))
    writeFileSync(join(directory, 'Corefile'), corefile)
    const child = spawn(file, ['-conf', join(directory, 'Corefile')], { stdio: ['ignore', 'pipe', 'pipe'] })
    const coreDns = new CoreDns(child, directory)
    const started = Promise.withResolvers<void>()
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        // The last line that it prints when it has started.
        if (output.includes('linux/') || output.includes('CoreDNS-')) started.resolve()
      })
    }
    child.once('exit', code => started.reject(new Error(`CoreDNS ended with ${code}: ${output}`)))
    const timer = setTimeout(() => started.reject(new Error(`CoreDNS does not start: ${output}`)), START_TIMEOUT_MS)
    try {
      await started.promise
      return coreDns
    } catch (error) {
      await coreDns.stop()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit')
      this.#child.kill('SIGKILL')
      await ended
    }
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
