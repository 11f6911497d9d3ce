// Whether libc and the kernel understand the structures as they are laid out here: a socket on the loopback sends itself two datagrams.

import { Query } from '../wire/query.ts'
import type { BatchIo } from './io.ts'
import * as libc from './libc.ts'
import type { SendingSocket } from './sender.ts'
import { SOCKADDR_IN6_LENGTH, SOCKADDR_IN_LENGTH, encodeSockaddr } from './sockaddr.ts'

const MESSAGES = ['kubezone', 'asks itself']
/** They are there at once, or never. */
const TIMEOUT_MICROSECONDS = 200_000n

/** Throws one line that says what is not as expected. */
export function probe(io: BatchIo): void {
  const fd = io.libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.SOCK_CLOEXEC, 0)
  if (fd < 0) throw new Error(`no socket (errno ${io.libc.errno()})`)
  try {
    exchange(io, fd)
  } finally {
    io.libc.close(fd)
  }
}

function exchange({ libc: calls, receiver, sender }: BatchIo, fd: number): void {
  const at = (bytes: ArrayBufferView): bigint => calls.addressOf(bytes.buffer)
  const check = (isRight: boolean, what: string): void => {
    if (!isRight) throw new Error(`${what} is not as expected on this system (errno ${calls.errno()})`)
  }
  const own = encodeSockaddr('127.0.0.1', 0, name => calls.if_nametoindex(name))
  check(calls.bind(fd, at(own), own.length) === 0, 'bind')
  const length = new Uint32Array(new ArrayBuffer(4)).fill(SOCKADDR_IN_LENGTH)
  check(calls.getsockname(fd, at(own), at(length)) === 0, 'getsockname')
  const one = new Int32Array(new ArrayBuffer(4)).fill(1)
  check(calls.setsockopt(fd, libc.IPPROTO_IP, libc.IP_PKTINFO, at(one), 4) === 0, 'IP_PKTINFO')
  // struct timeval
  const timeout = BigInt64Array.of(0n, TIMEOUT_MICROSECONDS)
  check(calls.setsockopt(fd, libc.SOL_SOCKET, libc.SO_RCVTIMEO, at(timeout), 16) === 0, 'SO_RCVTIMEO')

  let failed = 0
  const socket: SendingSocket = { fd, sendFailed: (_errno, count) => (failed += count) }
  const words = new Uint32Array(SOCKADDR_IN6_LENGTH / 4)
  words.set(new Uint32Array(own.buffer))
  const envelope = { words, peerLength: SOCKADDR_IN_LENGTH, controlLength: 0 }
  for (const message of MESSAGES) sender.send(socket, envelope, Buffer.from(message), 0, message.length)
  sender.flush()
  check(failed === 0, 'sendmmsg')

  // Each is sent back with the packet info that it came with.
  for (const isReply of [false, true]) {
    const received: string[] = []
    while (received.length < MESSAGES.length) {
      const count = receiver.receive(fd, libc.MSG_WAITFORONE)
      check(count > 0, 'recvmmsg')
      for (let i = 0; i < count; i++) {
        const start = receiver.start(i)
        received.push(receiver.data.toString('latin1', start, start + receiver.vector.receivedLength(i)))
        const query = new Query()
        receiver.identify(i, query)
        check(query.clientAddress.join('.') === '127.0.0.1', 'the address of a sender')
        check(query.clientPort === new DataView(own.buffer).getUint16(2), 'the port of a sender')
        check(receiver.vector.controlLength(i) === 32, 'the packet info')
        receiver.turn(i)
        if (!isReply)
          sender.send(socket, receiver.keepEnvelope(i), Buffer.from(received.at(-1)!), 0, received.at(-1)!.length)
      }
      receiver.release(count)
    }
    sender.flush()
    check(failed === 0, 'a reply')
    check(received.join() === MESSAGES.join(), 'what is received')
  }
  // As a socket that asks an upstream server does it.
  const message = Buffer.from(new ArrayBuffer(1))
  check(calls.connect(fd, at(own), own.length) === 0, 'connect')
  check(calls.send(fd, at(message), message.length, 0) === message.length, 'send')
  check(receiver.receive(fd, libc.MSG_WAITFORONE) === 1, 'what a connected socket receives')
  receiver.release(1)
}
