// Which way datagrams go: in batches through libc, or through Node's own sockets.

import type { Logger } from 'pino'
import { type Libc, loadLibc } from './libc.ts'
import { probe } from './probe.ts'
import { Receiver } from './receiver.ts'
import { Sender } from './sender.ts'

/** The ways: `batch` where the platform has it, `dgram` everywhere. */
export const Io = { Batch: 'batch', Dgram: 'dgram' } as const
export type Io = (typeof Io)[keyof typeof Io]

/** Memory and calls that all sockets of a thread share: draining one is synchronous. */
export class BatchIo {
  readonly libc: Libc
  readonly receiver: Receiver
  readonly sender: Sender

  constructor(libc: Libc) {
    this.libc = libc
    this.receiver = new Receiver(libc)
    this.sender = new Sender(libc)
  }
}

let loading: Promise<BatchIo | Error | undefined> | undefined

/** What batches need; undefined where they are not to be had, and then Node's sockets serve. Tells why, where it could be otherwise. */
export async function loadBatchIo(log: Logger): Promise<BatchIo | undefined> {
  const isFirst = loading === undefined
  loading ??= load()
  const io = await loading
  if (!(io instanceof Error)) return io
  if (isFirst) log.warn(`UDP is served without batches, at twice the CPU for a query: ${io.message}`)
  return undefined
}

async function load(): Promise<BatchIo | Error | undefined> {
  // The layouts in mmsg.ts are those of these.
  if (process.platform !== 'linux' || (process.arch !== 'x64' && process.arch !== 'arm64')) return undefined
  try {
    const io = new BatchIo(await loadLibc())
    probe(io)
    return io
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}
