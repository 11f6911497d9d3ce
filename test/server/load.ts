// A client in a process of its own: sends the query that it is given `count` times to a port of 127.0.0.1 and waits for every answer.

import {
  AF_INET,
  MSG_WAITFORONE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
  SO_RCVTIMEO,
  loadLibc,
} from '../../src/server/libc.ts'
import { BatchIo } from '../../src/server/io.ts'
import { SOCKADDR_IN6_LENGTH, SOCKADDR_IN_LENGTH, encodeSockaddr } from '../../src/server/sockaddr.ts'

/** Asked and not yet answered. */
const WINDOW = 128
/** struct timeval: a server that is silent so long will stay silent. */
const PATIENCE = BigInt64Array.of(10n, 0n)

const [port, count = '0', hex = ''] = process.argv.slice(2)
const query = Buffer.from(hex, 'hex')
const libc = await loadLibc()
const { receiver, sender } = new BatchIo(libc)
const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)
libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, libc.addressOf(PATIENCE.buffer), PATIENCE.byteLength)
const words = new Uint32Array(SOCKADDR_IN6_LENGTH / 4)
words.set(new Uint32Array(encodeSockaddr('127.0.0.1', Number(port), () => 0).buffer))
const envelope = { words, peerLength: SOCKADDR_IN_LENGTH, controlLength: 0 }
const socket = {
  fd,
  sendFailed(errno: number): void {
    throw new Error(`errno ${errno}`)
  },
}

let asked = 0
let answered = 0
while (answered < Number(count)) {
  for (; asked < Number(count) && asked - answered < WINDOW; asked++) {
    sender.send(socket, envelope, query, 0, query.length)
  }
  sender.flush()
  const received = receiver.receive(fd, MSG_WAITFORONE)
  if (received < 0) throw new Error(`errno ${libc.errno()}`)
  for (let i = 0; i < received; i++) if (receiver.vector.receivedLength(i) > query.length) answered++
  receiver.release(received)
}
