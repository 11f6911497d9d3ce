// The cluster, by kubectl.

import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** How long a command may take that waits for nothing but its own work. */
const COMMAND_MS = 90_000

export interface Work {
  /** Lets it come to its end, and resolves with what it has written. Rejects when it fails. */
  stop(): Promise<string>
}

export class Cluster {
  /** Kills whatever still runs. */
  readonly #signal: AbortSignal
  readonly #kubectl: readonly string[]

  /** `kubectl`: the command and its first arguments. */
  constructor(kubectl: readonly string[], signal: AbortSignal) {
    this.#kubectl = kubectl
    this.#signal = signal
  }

  /** Runs `kubectl ARGS`, split at spaces unless they are a list. Resolves with its output. Rejects with all that it said. */
  async kubectl(args: string | readonly string[], input = ''): Promise<string> {
    const list = typeof args === 'string' ? args.split(' ') : args
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(COMMAND_MS)])
    return run([...this.#kubectl, ...list], input, signal)
  }

  apply(...objects: readonly object[]): Promise<string> {
    return this.kubectl('apply -f -', objects.map(object => JSON.stringify(object)).join('\n'))
  }

  /** What `jsonpath` picks, split at spaces. */
  async pick(what: string, jsonpath: string): Promise<string[]> {
    const text = await this.kubectl([...`get ${what} -o`.split(' '), `jsonpath=${jsonpath}`])
    return text.split(' ').filter(word => word !== '')
  }

  exec(pod: string, ...args: readonly string[]): Promise<string> {
    return this.kubectl(['exec', '-n', NAMESPACE, pod, '--', ...args])
  }

  /** Starts what ends when its standard input does. */
  start(pod: string, ...args: readonly string[]): Work {
    const [program, ...first] = this.#kubectl
    const child = spawn(program, [...first, 'exec', '-i', '-n', NAMESPACE, pod, '--', ...args], {
      signal: this.#signal,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const ended = outcome(child, `${args[0]} in ${pod}`)
    ended.catch(() => {})
    child.stdin.on('error', () => {})
    return {
      stop() {
        child.stdin.end('stop\n')
        return ended
      },
    }
  }
}

/** Everything that the test makes is in it, but for what has to be in kube-system. */
export const NAMESPACE = 'kubezone-test'

/** Runs a program. Resolves with its standard output, and rejects with all that it said when it fails. */
export function run([program, ...args]: readonly string[], input: string, signal: AbortSignal): Promise<string> {
  const child = spawn(program, args, { signal, stdio: ['pipe', 'pipe', 'pipe'] })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return outcome(child, [program, ...args].join(' '))
}

async function outcome(child: ReturnType<typeof spawn>, title: string): Promise<string> {
  let out = ''
  let err = ''
  child.stdout?.on('data', chunk => (out += String(chunk)))
  child.stderr?.on('data', chunk => (err += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${title}: ended with ${code}\n${out}${err}`)
  return out
}
