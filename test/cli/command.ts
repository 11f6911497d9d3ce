// The command line as a process of its own, and questions to what it serves.

import { type ChildProcessByStdio, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { type Answer, TYPES, describe } from '../site/zonefile.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const PROGRAM = fileURLToPath(new URL('../../bin/kubezone.mjs', import.meta.url))

/** How long anything may take before a test gives up: only a limit, nothing is measured by it. */
const LIMIT_MS = 30_000

/** Between two questions of a loop: what is asked needs the CPU, too. */
const PAUSE_MS = 2

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

export interface CommandOptions {
  cwd?: string
  input?: string
  env?: Record<string, string>
  /** What is run in place of Node. */
  program?: string
}

/** A process that was started; the test that did so ends it, whatever happens. */
export class Command {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly ended: Promise<Ended>
  out = ''
  err = ''

  constructor(
    t: Test,
    args: readonly string[],
    { cwd, input, env = {}, program = process.execPath }: CommandOptions = {},
  ) {
    // Nothing of the surroundings, neither a cluster nor a kubeconfig, but for the way to do UDP that is tested, and what Node has compiled before.
    const { PATH = '', KUBEZONE_IO = '', NODE_COMPILE_CACHE = '' } = process.env
    const only = { PATH, KUBEZONE_IO, NODE_COMPILE_CACHE, ...env }
    this.child = spawn(program, args, { cwd, env: only, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stdin.on('error', () => {})
    this.child.stdin.end(input)
    this.child.stdout.on('data', chunk => (this.out += String(chunk)))
    this.child.stderr.on('data', chunk => (this.err += String(chunk)))
    this.ended = once(this.child, 'close').then(() => {
      const { exitCode: code, signalCode: signal } = this.child
      return { code, signal, out: this.out, err: this.err }
    })
    t.teardown(async () => {
      this.child.kill('SIGKILL')
      await this.ended
    })
  }

  /** What the standard output matches, as soon as it does; rejects when the process ends before. */
  async seen(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.out)
      if (match) return match
      const more = once(this.child.stdout, 'data', { signal: AbortSignal.timeout(LIMIT_MS) })
      const isEnded = await Promise.race([more.then(() => false), this.ended.then(() => true)])
      if (isEnded && !pattern.test(this.out)) throw new Error(`ended without ${pattern}: ${this.out}${this.err}`)
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return this.ended
  }
}

/** Starts `kubezone ARGS`. */
export function kubezone(t: Test, args: readonly string[], options?: CommandOptions): Command {
  return new Command(t, [PROGRAM, ...args], options)
}

/** The port of the first line of this scheme that tells where it listens. */
export async function portOf(command: Command, scheme: 'dns' | 'http'): Promise<number> {
  const [, port] = await command.seen(new RegExp(`listening on ${scheme}://\\S*:(\\d+)`))
  return Number(port)
}

/** Asks over UDP, with room for anything. */
export async function askUdp(port: number, name: string, type: string): Promise<Answer> {
  const client = new UdpClient(port)
  try {
    const query = buildQuery({ name, type: TYPES[type], edns: { size: 65_000 } })
    const [bytes] = await Promise.all([client.receive(), client.send(query)])
    return describe(decode(bytes), bytes)
  } finally {
    client.close()
  }
}

export async function askTcp(port: number, name: string, type: string): Promise<Answer> {
  const client = await TcpClient.connect(port)
  client.send(buildQuery({ name, type: TYPES[type] }))
  await client.receive(1)
  client.socket.destroy()
  const [bytes] = client.messages
  return describe(decode(bytes), bytes)
}

/** Asks again and again, up to a limit, until the answer is as it should be; the last answer. */
export async function askUntil(ask: () => Promise<Answer>, isRight: (answer: Answer) => boolean): Promise<Answer> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  for (;;) {
    const answer = await ask()
    if (isRight(answer) || deadline.aborted) return answer
    await pause(PAUSE_MS)
  }
}

/** Asks again and again, up to a limit, until it is so. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  const deadline = AbortSignal.timeout(LIMIT_MS)
  while (!deadline.aborted) {
    if (await isSo()) return true
    await pause(PAUSE_MS)
  }
  return false
}

/** A socket that somebody else has, on a free port of the loopback. */
export async function occupyUdp(t: Test): Promise<number> {
  const socket = dgram.createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  return socket.address().port
}

export async function occupyTcp(t: Test): Promise<number> {
  const server = net.createServer(socket => socket.destroy())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as net.AddressInfo).port
}
