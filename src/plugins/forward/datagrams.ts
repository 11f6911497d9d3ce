// Datagrams to upstream servers through libc: Node's sockets take twice as long for each (docs/decisions.md, Forwarding).

import { getSystemErrorName } from 'node:util'
import { isIpv6 } from '../../wire/address.ts'
import type { Logger } from 'pino'
import { Io, loadBatchIo } from '../../server/io.ts'
import * as libc from '../../server/libc.ts'
import { BATCH, MessageVector, PEER_ROOM } from '../../server/mmsg.ts'
import { encodeSockaddr } from '../../server/sockaddr.ts'
import { type DatagramSink, type Datagrams, type OpenDatagrams, openDatagrams } from '../../upstream/datagram.ts'
import type { Endpoint } from '../../upstream/endpoint.ts'

/** The largest datagram there is, and a line of the cache: else all would fall into the same sets of it. Pages that nothing reaches stay unused. */
const ROOM = 65_536 + 64
/** Then timers and other sockets have their turn. */
const MAX_ROUNDS = 4

let shared: OpenDatagrams | undefined

/** The way that the server itself has: through libc where that is to be had, unless KUBEZONE_IO asks for Node's sockets. */
export async function chooseDatagrams(log: Logger): Promise<OpenDatagrams> {
  if (process.env.KUBEZONE_IO === Io.Dgram) return openDatagrams
  const io = await loadBatchIo(log)
  if (!io) return openDatagrams
  shared ??= openThrough(io.libc)
  return shared
}

function openThrough(calls: libc.Libc): OpenDatagrams {
  const memory = new Memory(calls)
  return (endpoint, source, sink) => new LibcDatagrams(memory, endpoint, source, sink)
}

/** What all sockets share: each is read, and each question sent, within one call. */
class Memory {
  readonly libc: libc.Libc
  readonly received = Buffer.from(new ArrayBuffer(BATCH * ROOM))
  readonly vector: MessageVector
  readonly sent = Buffer.from(new ArrayBuffer(ROOM))
  readonly sentAt: bigint

  constructor(calls: libc.Libc) {
    this.libc = calls
    this.sentAt = calls.addressOf(this.sent.buffer)
    this.vector = new MessageVector(calls)
    const base = Number(calls.addressOf(this.received.buffer))
    for (let i = 0; i < BATCH; i++) {
      this.vector.setData(i, base + i * ROOM, ROOM)
      // Of the server's address the kernel writes as much as there was last time, or less; nobody reads it.
      this.vector.setEnvelopeLengths(i, PEER_ROOM, 0)
    }
  }
}

class LibcDatagrams implements Datagrams {
  /** Nothing waits here: what the system has no room for is lost, as it may be anywhere on its way. */
  readonly unsent = 0
  readonly #memory: Memory
  readonly #sink: DatagramSink
  readonly #fd: number
  #poll: libc.Poll | undefined
  #isClosed = false

  constructor(memory: Memory, { address, port }: Endpoint, source: string | undefined, sink: DatagramSink) {
    const { libc: calls } = memory
    this.#memory = memory
    this.#sink = sink
    const type = libc.SOCK_DGRAM | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC
    this.#fd = this.#check('socket', calls.socket(isIpv6(address) ? libc.AF_INET6 : libc.AF_INET, type, 0))
    try {
      // Without a source the kernel binds it as it is connected.
      if (source !== undefined) this.#name('bind', source, 0)
      this.#name('connect', address, port)
      this.#wait()
    } catch (error) {
      calls.close(this.#fd)
      throw error
    }
  }

  #name(call: 'bind' | 'connect', address: string, port: number): void {
    const { libc: calls } = this.#memory
    const name = encodeSockaddr(address, port, name => calls.if_nametoindex(name))
    this.#check(call, calls[call](this.#fd, calls.addressOf(name.buffer), name.length))
  }

  #check(call: string, result: number): number {
    if (result >= 0) return result
    throw libc.systemError(call, this.#memory.libc.errno())
  }

  #wait(): void {
    this.#poll = this.#memory.libc.poll(this.#fd, status => {
      this.#receive()
      // An error that waited to be read (ICMP) has ended the polling.
      if (status < 0 && !this.#isClosed) {
        this.#poll?.close()
        this.#wait()
      }
    })
  }

  #receive(): void {
    const { libc: calls, vector, received } = this.#memory
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = calls.recvmmsg(this.#fd, vector.address, BATCH, libc.MSG_DONTWAIT, 0n)
      if (count < 0) {
        const errno = calls.errno()
        if (errno !== libc.EAGAIN && errno !== libc.EINTR) this.#sink.broken(getSystemErrorName(-errno))
        return
      }
      for (let i = 0; i < count; i++) {
        const start = i * ROOM
        this.#sink.received(received, start, start + vector.receivedLength(i))
        if (this.#isClosed) return
      }
      if (count < BATCH) return
    }
  }

  send(bytes: Buffer, length: number): void {
    const { libc: calls, sent, sentAt } = this.#memory
    if (this.#isClosed) return
    bytes.copy(sent, 0, 0, length)
    for (;;) {
      if (calls.send(this.#fd, sentAt, length, 0) >= 0) return
      const errno = calls.errno()
      if (errno === libc.EINTR) continue
      if (errno === libc.EAGAIN || errno === libc.ENOBUFS) return
      const code = getSystemErrorName(-errno)
      queueMicrotask(() => !this.#isClosed && this.#sink.broken(code))
      return
    }
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#poll?.close()
    this.#memory.libc.close(this.#fd)
  }
}
