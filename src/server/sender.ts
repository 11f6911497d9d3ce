// Replies of one call to sendmmsg. They are written one behind the other, so that a batch of short ones stays within the caches.

import { MAX_MESSAGE_SIZE } from '../wire/constants.ts'
import { EAGAIN, EINTR, ENOBUFS, type Libc, MSG_DONTWAIT } from './libc.ts'
import { BATCH, ENVELOPE_WORDS, HEADER_LENGTH, MessageVector, PEER_ROOM } from './mmsg.ts'
import type { Envelope, Receiver } from './receiver.ts'

/** Whose replies they are. */
export interface SendingSocket {
  readonly fd: number
  /** `count` replies were not sent, for the reason `errno`. */
  sendFailed(errno: number, count: number): void
}

/** Room for a batch of replies, one behind the other: the largest message finds its place behind 64 KB of others. */
const BATCH_ROOM = 2 * (MAX_MESSAGE_SIZE + 1)
const PEER_WORDS = PEER_ROOM / 4

export class Sender {
  /** Replies are written here, at `position`. */
  readonly data = Buffer.from(new ArrayBuffer(BATCH_ROOM))
  position = 0
  readonly #libc: Libc
  readonly #vector: MessageVector
  readonly #base: number
  #count = 0
  #socket: SendingSocket | undefined

  constructor(libc: Libc) {
    this.#libc = libc
    this.#vector = new MessageVector(libc)
    this.#base = Number(libc.addressOf(this.data.buffer))
  }

  /** Sends what waits when it is another socket's, or when the largest reply would find no room. To be called before a reply is written. */
  begin(socket: SendingSocket): void {
    if (this.#socket !== socket || this.#count === BATCH || this.position > BATCH_ROOM - MAX_MESSAGE_SIZE) this.flush()
    this.#socket = socket
  }

  /** Adds the reply of `length` octets at `position` to message `i` of the receiver. */
  answer(receiver: Receiver, i: number, length: number): void {
    const { vector } = receiver
    const controlLength = vector.controlLength(i)
    this.#address(vector.envelopeWords, i * ENVELOPE_WORDS, vector.peerLength(i), controlLength)
    this.#add(length)
  }

  /** Adds a reply that lies elsewhere. */
  send(socket: SendingSocket, envelope: Envelope, bytes: Uint8Array, start: number, length: number): void {
    this.begin(socket)
    this.data.set(bytes.subarray(start, start + length), this.position)
    this.#address(envelope.words, 0, envelope.peerLength, envelope.controlLength)
    this.#add(length)
  }

  #address(words: Uint32Array, from: number, peerLength: number, controlLength: number): void {
    const { envelopeWords } = this.#vector
    const to = this.#count * ENVELOPE_WORDS
    const count = controlLength === 0 ? PEER_WORDS : ENVELOPE_WORDS
    for (let i = 0; i < count; i++) envelopeWords[to + i] = words[from + i]
    this.#vector.setEnvelopeLengths(this.#count, peerLength, controlLength)
  }

  #add(length: number): void {
    this.#vector.setData(this.#count++, this.#base + this.position, length)
    this.position += length
  }

  /** Sends what waits. Never waits itself: what the socket has no room for is dropped, as any network may do, and clients ask again. */
  flush(): void {
    const socket = this.#socket
    const count = this.#count
    this.#count = 0
    this.position = 0
    if (!socket) return
    let done = 0
    while (done < count) {
      const from = done === 0 ? this.#vector.address : this.#vector.address + BigInt(done * HEADER_LENGTH)
      const sent = this.#libc.sendmmsg(socket.fd, from, count - done, MSG_DONTWAIT)
      if (sent > 0) {
        done += sent
        continue
      }
      const errno = this.#libc.errno()
      if (errno === EINTR) continue
      const isFull = errno === EAGAIN || errno === ENOBUFS
      const failed = isFull ? count - done : 1
      socket.sendFailed(errno, failed)
      done += failed
    }
  }
}
