// DNS over UDP (RFC 1035 section 4.2.1), on a socket of Node's.

import dgram from 'node:dgram'
import { once } from 'node:events'
import { isIpv6 } from '../wire/address.ts'
import type { Exchange } from './exchange.ts'
import type { ListenerContext, UdpTransport } from './listener.ts'
import { ClientAddresses } from './client.ts'
import { NO_REPLY } from './dispatcher.ts'
import { Transport } from '../wire/query.ts'

/** A burst of 4,000 queries waits here while the thread is busy. The system may grant less (Linux: net.core.rmem_max). */
const RECEIVE_BUFFER_SIZE = 4 << 20
/** Replies that wait for room in the socket. Beyond these they are dropped: the network is slower than its clients ask. */
const MAX_SENDING = 1_024

export class UdpListener implements UdpTransport {
  readonly #context: ListenerContext
  readonly #clients = new ClientAddresses()
  readonly #socket: dgram.Socket
  #sending = 0
  #isClosed = false
  received = 0

  constructor(context: ListenerContext) {
    this.#context = context
    this.#socket = dgram.createSocket({
      type: isIpv6(context.address) ? 'udp6' : 'udp4',
      reusePort: context.reusePort,
      // Replies go to where queries came from, which is never a name: no look-up, and the reply leaves in the same turn.
      lookup: (address, _options, callback) => callback(null, address, isIpv6(address) ? 6 : 4),
    })
  }

  async open(): Promise<void> {
    const socket = this.#socket
    const listening = once(socket, 'listening')
    socket.bind({ address: this.#context.address, port: this.#context.port })
    try {
      await listening
    } catch (error) {
      socket.close()
      throw error
    }
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER_SIZE)
    } catch {
      // Some systems refuse what is above their limit. The default serves as well, only for shorter bursts.
    }
    socket.on('error', error => this.#context.service.observer.socketFailed?.(error))
    socket.on('message', (message, client) => this.#receive(message, client))
  }

  get port(): number {
    return this.#socket.address().port
  }

  #receive(message: Buffer, client: dgram.RemoteInfo): void {
    this.received++
    // Nothing can be sent to port 0: such a sender has no use for an answer (and Node throws).
    if (client.port === 0) return
    const { service, pool } = this.#context
    const exchange = pool.take()
    const { query } = exchange
    query.transport = Transport.UDP
    query.clientAddress = this.#clients.octets(client.address)
    query.clientPort = client.port
    const length = service.dispatcher.answer(exchange, message, 0, message.length, 0)
    if (typeof length === 'number') this.#send(exchange, length, client)
    else void length.then(length => this.#send(exchange, length, client))
  }

  /** Sends the reply. Its buffer belongs to the socket until the callback: the kernel may have had no room for it yet. */
  #send(exchange: Exchange, length: number, client: dgram.RemoteInfo): void {
    const { pool, service } = this.#context
    if (length === NO_REPLY || this.#isClosed || this.#sending >= MAX_SENDING) {
      pool.giveBack(exchange)
      if (this.#sending >= MAX_SENDING) service.observer.socketFailed?.(new Error('send: too many replies wait'))
      return
    }
    this.#sending++
    this.#socket.send(exchange.reply.bytes, 0, length, client.port, client.address, error => {
      this.#sending--
      pool.giveBack(exchange)
      // EMSGSIZE, EPERM (a firewall), ENETUNREACH …: this client gets nothing, the others do.
      if (error) service.observer.socketFailed?.(error)
    })
  }

  /** Node sends nothing to others from a socket that is connected. */
  leave(): void {}

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await new Promise<void>(resolve => {
      this.#socket.close(resolve)
    })
  }
}
