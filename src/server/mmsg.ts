// What recvmmsg and sendmmsg work on: an array of struct mmsghdr, each with one struct iovec, the peer's address and a control message.
// The layout is that of 64-bit Linux, the same on x86-64 and arm64 and under glibc and musl; little-endian words of 32 bits.

import type { Libc } from './libc.ts'

/** Datagrams a call. */
export const BATCH = 64

/** struct mmsghdr: name 0, namelen 2, iov 4, iovlen 6, control 8, controllen 10, flags 12, msg_len 14; 16 words. */
export const HEADER_LENGTH = 64
const HEADER_WORDS = 16
const NAME = 0
const NAME_LENGTH = 2
const IOV = 4
const IOV_COUNT = 6
const CONTROL = 8
const CONTROL_LENGTH = 10
const RECEIVED_LENGTH = 14
/** struct iovec: base 0, length 2. */
const IOVEC_WORDS = 4
/** An envelope: a socket address of either family (28 octets), from octet 32 on a control message with its packet info (at most 40). */
export const ENVELOPE_LENGTH = 72
export const ENVELOPE_WORDS = ENVELOPE_LENGTH / 4
export const PEER_ROOM = 28
export const CONTROL_AT = 32
export const CONTROL_ROOM = 40

/** One such array with its own memory. Keep it reachable as long as the kernel may be called with it. */
export class MessageVector {
  /** Address of the first header. */
  readonly address: bigint
  /** The envelopes, as octets and as words. */
  readonly envelopes: Uint8Array
  readonly envelopeWords: Uint32Array
  readonly #headers: Uint32Array
  readonly #iovecs: Uint32Array

  constructor(libc: Libc) {
    const iovecsAt = BATCH * HEADER_LENGTH
    const envelopesAt = iovecsAt + BATCH * IOVEC_WORDS * 4
    const memory = new ArrayBuffer(envelopesAt + BATCH * ENVELOPE_LENGTH)
    this.#headers = new Uint32Array(memory, 0, BATCH * HEADER_WORDS)
    this.#iovecs = new Uint32Array(memory, iovecsAt, BATCH * IOVEC_WORDS)
    this.envelopes = new Uint8Array(memory, envelopesAt)
    this.envelopeWords = new Uint32Array(memory, envelopesAt)
    this.address = libc.addressOf(memory)
    const base = Number(this.address)
    for (let i = 0; i < BATCH; i++) {
      const header = i * HEADER_WORDS
      const envelope = base + envelopesAt + i * ENVELOPE_LENGTH
      writePointer(this.#headers, header + NAME, envelope)
      writePointer(this.#headers, header + IOV, base + iovecsAt + i * IOVEC_WORDS * 4)
      this.#headers[header + IOV_COUNT] = 1
      writePointer(this.#headers, header + CONTROL, envelope + CONTROL_AT)
    }
  }

  /** Octets of the address of message `i`'s peer. */
  peerLength(i: number): number {
    return this.#headers[i * HEADER_WORDS + NAME_LENGTH]
  }

  controlLength(i: number): number {
    return this.#headers[i * HEADER_WORDS + CONTROL_LENGTH]
  }

  setEnvelopeLengths(i: number, peerLength: number, controlLength: number): void {
    this.#headers[i * HEADER_WORDS + NAME_LENGTH] = peerLength
    this.#headers[i * HEADER_WORDS + CONTROL_LENGTH] = controlLength
  }

  /** What recvmmsg has written for message `i`. */
  receivedLength(i: number): number {
    return this.#headers[i * HEADER_WORDS + RECEIVED_LENGTH]
  }

  /** Where the octets of message `i` are, or are to go. */
  setData(i: number, address: number, length: number): void {
    writePointer(this.#iovecs, i * IOVEC_WORDS, address)
    this.#iovecs[i * IOVEC_WORDS + 2] = length
  }
}

/** Storing keeps the lower 32 bits. Addresses of user space have 48 bits at most, so a number holds them. */
function writePointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address
  words[at + 1] = address * 2 ** -32
}
