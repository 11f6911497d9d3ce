// The calls of libc that batched UDP is made of, by way of koffi. Addresses are bigints: whoever gives one keeps its buffer reachable, or the
// collector frees it under the kernel.

import { getSystemErrorName } from 'node:util'
import type koffi from 'koffi'

type Koffi = typeof koffi

export const AF_INET = 2
export const AF_INET6 = 10
export const SOCK_DGRAM = 2
export const SOCK_NONBLOCK = 0o4000
export const SOCK_CLOEXEC = 0o2000000
export const SOL_SOCKET = 1
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_REUSEPORT = 15
export const SO_RCVTIMEO = 20
export const IPPROTO_IP = 0
export const IP_PKTINFO = 8
export const IPPROTO_IPV6 = 41
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49
export const MSG_DONTWAIT = 0x40
export const MSG_WAITFORONE = 0x10000
export const EINTR = 4
export const EAGAIN = 11
export const ENOBUFS = 105

/** Waits for a descriptor in the event loop. */
export interface Poll {
  close(): void
}

/** Every call returns what libc returns: -1 for an error, whose number `errno` then tells. */
export interface Libc {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, address: bigint, length: number): number
  connect(fd: number, address: bigint, length: number): number
  getsockname(fd: number, address: bigint, length: bigint): number
  setsockopt(fd: number, level: number, name: number, value: bigint, length: number): number
  recvmmsg(fd: number, headers: bigint, count: number, flags: number, timeout: bigint): number
  sendmmsg(fd: number, headers: bigint, count: number, flags: number): number
  send(fd: number, data: bigint, length: number, flags: number): number
  close(fd: number): number
  /** Index of a network interface; 0 when there is none of the name. */
  if_nametoindex(name: string): number
  errno(): number
  addressOf(buffer: ArrayBufferLike): bigint
  /** Calls `onReadable` in each turn of the event loop in which the descriptor can be read; with a negative status when it has failed. */
  poll(fd: number, onReadable: (status: number) => void): Poll
}

/**
 * Throws when koffi or one of the functions is not there. A thread that is terminated with a `Poll` open unloads koffi while the event loop
 * still needs it, and the process dies: let the main thread load it, too, and it stays.
 */
export async function loadLibc(): Promise<Libc> {
  const { default: koffi }: { default: Koffi } = await import('koffi')
  const libc = koffi.load(null)
  const { poll } = koffi.node
  if (typeof poll !== 'function') throw new Error('koffi has no poll')
  return {
    socket: track(libc.func('int socket(int, int, int)')),
    bind: libc.func('int bind(int, uintptr_t, uint32_t)'),
    connect: libc.func('int connect(int, uintptr_t, uint32_t)'),
    getsockname: libc.func('int getsockname(int, uintptr_t, uintptr_t)'),
    setsockopt: libc.func('int setsockopt(int, int, int, uintptr_t, uint32_t)'),
    recvmmsg: libc.func('int recvmmsg(int, uintptr_t, uint32_t, int, uintptr_t)'),
    sendmmsg: libc.func('int sendmmsg(int, uintptr_t, uint32_t, int)'),
    send: libc.func('intptr_t send(int, uintptr_t, uintptr_t, int)'),
    close: untrack(libc.func('int close(int)')),
    if_nametoindex: libc.func('uint32_t if_nametoindex(const char *)'),
    errno: () => koffi.errno(),
    addressOf: buffer => koffi.address(buffer),
    poll(fd, onReadable) {
      const ready = (status: number): void => {
        onReadable(status)
        runMicrotasks()
      }
      // Koffi's declaration leaves out the status that comes first.
      return poll(fd, ready as unknown as () => void)
    },
  }
}

/**
 * After a callback of koffi's, promises do not go on. Node does this after its own callbacks; an immediate would have it done, too, but is an object
 * on the heap for each turn of the event loop, and those of a minute under load are a collection.
 */
const tick = (process as unknown as { _tickCallback?: () => void })._tickCallback

function runMicrotasks(): void {
  try {
    if (tick) tick()
    else setImmediate(idle)
  } catch (error) {
    // Of somebody's process.nextTick: told as if Node had called it.
    setImmediate(() => {
      throw error
    })
  }
}

const idle = (): void => {}

let tracked: Uint8Array | undefined

/**
 * From now on `table` tells, by its number, which descriptors this thread has open: nobody else knows of them, and they do not close with the
 * thread. To be called before `loadLibc`.
 */
export function trackDescriptors(table: SharedArrayBuffer): void {
  tracked = new Uint8Array(table)
}

function track(socket: Libc['socket']): Libc['socket'] {
  const table = tracked
  if (!table) return socket
  return (domain, type, protocol) => {
    const fd = socket(domain, type, protocol)
    if (fd >= 0 && fd < table.length) table[fd] = 1
    return fd
  }
}

/** Before it is closed: afterwards the number may be another thread's. */
function untrack(close: Libc['close']): Libc['close'] {
  const table = tracked
  if (!table) return close
  return fd => {
    if (fd >= 0 && fd < table.length) table[fd] = 0
    return close(fd)
  }
}

/** As Node's own are. */
export function systemError(call: string, errno: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno)
  return Object.assign(new Error(`${call} ${code}`), { code, errno: -errno, syscall: call })
}
