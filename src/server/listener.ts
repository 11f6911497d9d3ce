// What every transport of a listener is given.

import type { TcpBudget } from './budget.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { ExchangePool } from './exchange.ts'
import type { ServerObserver } from './observer.ts'
import type { TcpLimits } from './tcp.ts'

/** What answers the messages of a listener. A reload changes all of it between two messages. */
export interface Service {
  dispatcher: Dispatcher
  observer: ServerObserver
  /** Of connections that come from now on. */
  tcpLimits: TcpLimits
}

export interface ListenerContext {
  /** An IPv4 or IPv6 address of this machine; `::` is every address of both families. */
  readonly address: string
  /** 0 lets the system choose. */
  readonly port: number
  /** SO_REUSEPORT: several sockets share the port. A port that is taken is then not noticed when its holder is of the same user. */
  readonly reusePort: boolean
  readonly pool: ExchangePool
  readonly budget: TcpBudget
  /** Read anew for each message. */
  readonly service: Service
}

/** The UDP socket of a listener, whichever way its datagrams go. */
export interface UdpTransport {
  /** The real one, once it is open. */
  readonly port: number
  /** Datagrams so far. */
  readonly received: number
  /** Binds the socket and answers from then on. Rejects with the system's error. */
  open(): Promise<void>
  /** Takes no more, where other sockets share its port: what is queued can still be read and answered. Where that cannot be had, nothing. */
  leave(): void
  close(): Promise<void>
}
