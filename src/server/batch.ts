// DNS over UDP in batches: recvmmsg takes what has come, each query is answered straight into the memory that sendmmsg sends.
// The event loop waits for the socket and stays whole: timers, connections and upstreams live in the same thread.

import { isIpv6 } from '../wire/address.ts'
import type { BatchIo } from './io.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerContext, UdpTransport } from './listener.ts'
import * as libc from './libc.ts'
import { NO_REPLY } from './dispatcher.ts'
import { BATCH } from './mmsg.ts'
import type { Envelope } from './receiver.ts'
import type { SendingSocket } from './sender.ts'
import { PORT_AT, SOCKADDR_IN6_LENGTH, encodeSockaddr } from './sockaddr.ts'
import { Transport } from '../wire/query.ts'

/** The system may grant less (Linux: net.core.rmem_max, wmem_max). */
const SOCKET_BUFFER_SIZE = 4 << 20
/** Then timers and other sockets have their turn. */
const MAX_ROUNDS = 4
/** A socket that has failed is tried again after this. */
const RETRY_MS = 100
const DISCARD_PORT = 9
const WILDCARDS: ReadonlySet<string> = new Set(['::', '0.0.0.0'])

export class BatchListener implements UdpTransport, SendingSocket {
  fd = -1
  port = 0
  received = 0
  readonly #context: ListenerContext
  readonly #io: BatchIo
  #poll: libc.Poll | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false
  #isFlushing = false

  constructor(context: ListenerContext, io: BatchIo) {
    this.#context = context
    this.#io = io
  }

  async open(): Promise<void> {
    const isV6 = isIpv6(this.#context.address)
    const type = libc.SOCK_DGRAM | libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC
    this.fd = this.#check('socket', this.#io.libc.socket(isV6 ? libc.AF_INET6 : libc.AF_INET, type, 0))
    try {
      this.#bind(isV6)
      this.#wait()
    } catch (error) {
      this.#io.libc.close(this.fd)
      throw error
    }
  }

  #bind(isV6: boolean): void {
    const { address, port, reusePort } = this.#context
    const { libc: calls } = this.#io
    if (reusePort) this.#check('SO_REUSEPORT', this.#set(libc.SOL_SOCKET, libc.SO_REUSEPORT, 1))
    this.#set(libc.SOL_SOCKET, libc.SO_RCVBUF, SOCKET_BUFFER_SIZE)
    this.#set(libc.SOL_SOCKET, libc.SO_SNDBUF, SOCKET_BUFFER_SIZE)
    if (WILDCARDS.has(address)) {
      // A reply leaves from the address that was asked: each datagram comes with its destination.
      if (isV6) {
        this.#check('IPV6_V6ONLY', this.#set(libc.IPPROTO_IPV6, libc.IPV6_V6ONLY, 0))
        this.#check('IPV6_RECVPKTINFO', this.#set(libc.IPPROTO_IPV6, libc.IPV6_RECVPKTINFO, 1))
      } else this.#check('IP_PKTINFO', this.#set(libc.IPPROTO_IP, libc.IP_PKTINFO, 1))
    }
    const name = encodeSockaddr(address, port, name => calls.if_nametoindex(name))
    this.#check('bind', calls.bind(this.fd, calls.addressOf(name.buffer), name.length))
    const bound = new Uint8Array(new ArrayBuffer(SOCKADDR_IN6_LENGTH))
    const length = new Uint32Array(new ArrayBuffer(4)).fill(SOCKADDR_IN6_LENGTH)
    const [boundAt, lengthAt] = [calls.addressOf(bound.buffer), calls.addressOf(length.buffer)]
    this.#check('getsockname', calls.getsockname(this.fd, boundAt, lengthAt))
    this.port = (bound[PORT_AT] << 8) | bound[PORT_AT + 1]
  }

  #set(level: number, name: number, value: number): number {
    const { libc: calls } = this.#io
    const option = new Int32Array(new ArrayBuffer(4)).fill(value)
    return calls.setsockopt(this.fd, level, name, calls.addressOf(option.buffer), option.byteLength)
  }

  #check(call: string, result: number): number {
    if (result >= 0) return result
    throw libc.systemError(call, this.#io.libc.errno())
  }

  #wait(): void {
    this.#poll = this.#io.libc.poll(this.fd, status => {
      if (status < 0) this.#restart(status)
      else this.#drain()
    })
  }

  /** The event loop has given the socket up. */
  #restart(status: number): void {
    this.#context.service.observer.socketFailed?.(libc.systemError('poll', -status))
    this.#poll?.close()
    this.#poll = undefined
    this.#retry = setTimeout(() => this.#wait(), RETRY_MS)
  }

  #drain(): void {
    const { receiver, sender } = this.#io
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const count = receiver.receive(this.fd)
      if (count <= 0) {
        this.#receiveFailed()
        break
      }
      this.received += count
      this.#answer(count)
      receiver.release(count)
      if (count < BATCH) break
    }
    sender.flush()
  }

  #receiveFailed(): void {
    const errno = this.#io.libc.errno()
    if (errno === libc.EAGAIN || errno === libc.EINTR) return
    this.#context.service.observer.socketFailed?.(libc.systemError('recvmmsg', errno))
  }

  /** Answers the `count` messages that the receiver holds. */
  #answer(count: number): void {
    const { pool } = this.#context
    const { dispatcher } = this.#context.service
    const { receiver, sender } = this.#io
    let exchange = pool.take()
    for (let i = 0; i < count; i++) {
      sender.begin(this)
      const { query, reply } = exchange
      reply.bytes = sender.data
      query.transport = Transport.UDP
      receiver.identify(i, query)
      // Nothing can be sent to port 0.
      if (query.clientPort === 0) continue
      receiver.turn(i)
      const start = receiver.start(i)
      const end = start + receiver.vector.receivedLength(i)
      const length = dispatcher.answer(exchange, receiver.data, start, end, sender.position)
      if (typeof length === 'number') {
        if (length !== NO_REPLY) sender.answer(receiver, i, length)
      } else {
        this.#answerLater(exchange, length, receiver.keepEnvelope(i))
        exchange = pool.take()
      }
    }
    pool.giveBack(exchange)
    sender.flush()
  }

  #answerLater(exchange: Exchange, pending: Promise<number>, envelope: Envelope): void {
    const send = (length: number): void => {
      const { bytes, start } = exchange.reply
      if (length !== NO_REPLY && !this.#isClosed) {
        this.#io.sender.send(this, envelope, bytes, start, length)
        this.#flushSoon()
      }
      this.#context.pool.giveBack(exchange)
    }
    void pending.then(send)
  }

  /** Replies that become ready in one turn of the event loop leave together. */
  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.#io.sender.flush()
    })
  }

  /** A connected socket is skipped when the kernel chooses one of those that share a port. Port 9 (discard) of our own never sends. */
  leave(): void {
    const { address } = this.#context
    const peer = !WILDCARDS.has(address) ? address : isIpv6(address) ? '::1' : '127.0.0.1'
    const { libc: calls } = this.#io
    const name = encodeSockaddr(peer, DISCARD_PORT, name => calls.if_nametoindex(name))
    calls.connect(this.fd, calls.addressOf(name.buffer), name.length)
  }

  sendFailed(errno: number, count: number): void {
    // EMSGSIZE, EPERM (a firewall), ENETUNREACH …: these clients get nothing, the others do.
    const error = libc.systemError('sendmmsg', errno)
    for (let i = 0; i < count; i++) this.#context.service.observer.socketFailed?.(error)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#io.sender.flush()
    clearTimeout(this.#retry)
    this.#poll?.close()
    this.#io.libc.close(this.fd)
  }
}
