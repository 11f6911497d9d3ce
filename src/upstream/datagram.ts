// Datagrams to and from one server. Whoever brings batched I/O writes another `openDatagrams`.

import dgram from 'node:dgram'
import { isIpv6 } from '../wire/address.ts'
import type { Endpoint } from './endpoint.ts'

export interface Datagrams {
  /** Datagrams that were given to `send` and have not left: their bytes are still needed. */
  readonly unsent: number
  /** Sends `bytes[0, length)`. What goes wrong is told to the sink, later. */
  send(bytes: Buffer, length: number): void
  /** Nothing comes to the sink after this. */
  close(): void
}

/** What a socket tells. Never called from within `openDatagrams` or `send`. */
export interface DatagramSink {
  /** The datagram `bytes[start, end)`, from the server's address and port; valid during the call. */
  received(bytes: Buffer, start: number, end: number): void
  /** Something could not be sent, or nobody listens there (ICMP); `code` is the system's. */
  broken(code: string): void
}

/** Opens a socket of its own port, connected to `endpoint`: the kernel drops what comes from elsewhere. Throws the system's error. */
export type OpenDatagrams = (endpoint: Endpoint, source: string | undefined, sink: DatagramSink) => Datagrams

/**
 * With Node's sockets. The kernel chooses the port at random from its range, which leaves out what is reserved for others
 * (Linux: net.ipv4.ip_local_port_range and ip_local_reserved_ports).
 */
export const openDatagrams: OpenDatagrams = (endpoint, source, sink) => new NodeDatagrams(endpoint, source, sink)

class NodeDatagrams implements Datagrams {
  readonly #socket: dgram.Socket
  readonly #sink: DatagramSink
  #isClosed = false
  unsent = 0

  constructor({ address, port }: Endpoint, source: string | undefined, sink: DatagramSink) {
    const family = isIpv6(address) ? 6 : 4
    this.#sink = sink
    // An address is never looked up, so that all this happens at once.
    const socket = dgram.createSocket({
      type: `udp${family}`,
      lookup: (host, _, callback) => callback(null, host, family),
    })
    this.#socket = socket
    let failure: Error | undefined
    socket.on('error', error => {
      failure = error
      this.#fail(error)
    })
    socket.on('message', message => {
      if (!this.#isClosed) sink.received(message, 0, message.length)
    })
    try {
      socket.bind({ address: source ?? (family === 6 ? '::' : '0.0.0.0'), port: 0, exclusive: true })
      if (!failure) socket.connect(port, address)
      // Without a route to it, it is not connected, and Node says so only later.
      if (!failure) socket.remoteAddress()
    } catch {
      failure ??= new Error('no route to it')
    }
    if (failure) {
      this.#isClosed = true
      socket.close()
      throw failure
    }
  }

  send(bytes: Buffer, length: number): void {
    this.unsent++
    this.#socket.send(bytes.subarray(0, length), this.#onSent)
  }

  readonly #onSent = (error: Error | null): void => {
    this.unsent--
    if (error) this.#fail(error)
  }

  #fail(error: NodeJS.ErrnoException): void {
    // While it opens, whoever opens it is told.
    if (!this.#isClosed && this.#sink)
      queueMicrotask(() => !this.#isClosed && this.#sink.broken(error.code ?? error.message))
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#socket.close()
  }
}
