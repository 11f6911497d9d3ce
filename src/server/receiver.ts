// Datagrams of one call to recvmmsg, and who sent them.

import type { Query } from '../wire/query.ts'
import { AF_INET, IPPROTO_IP, type Libc, MSG_DONTWAIT } from './libc.ts'
import { BATCH, CONTROL_AT, CONTROL_ROOM, ENVELOPE_LENGTH, ENVELOPE_WORDS, MessageVector, PEER_ROOM } from './mmsg.ts'
import { IPV4_AT, IPV6_AT, PORT_AT } from './sockaddr.ts'

/** Longer queries are cut, and then malformed. A line of the cache more than a page: else all would fall into the same sets of it. */
const QUERY_ROOM = 4_096 + 64
const MAPPED_AT = IPV6_AT + 12
const CONTROL_WORD = CONTROL_AT / 4
const LEVEL = CONTROL_WORD + 2
/** struct in_pktinfo: interface, local address, destination. struct in6_pktinfo: destination (4 words), interface. */
const INFO = CONTROL_WORD + 4
const INFO6_INTERFACE = INFO + 4

/** Where a datagram came from and which address it was sent to: what a reply that leaves later is sent with. */
export interface Envelope {
  readonly words: Uint32Array
  readonly peerLength: number
  readonly controlLength: number
}

export class Receiver {
  readonly data = Buffer.from(new ArrayBuffer(BATCH * QUERY_ROOM))
  readonly vector: MessageVector
  readonly #libc: Libc
  /** The octets of each sender's address: made once, so that none is made for a query. */
  readonly #views: { ipv4: Uint8Array; mapped: Uint8Array; ipv6: Uint8Array }[] = []

  constructor(libc: Libc) {
    this.#libc = libc
    this.vector = new MessageVector(libc)
    const { envelopes } = this.vector
    const base = Number(libc.addressOf(this.data.buffer))
    for (let i = 0; i < BATCH; i++) {
      this.vector.setData(i, base + i * QUERY_ROOM, QUERY_ROOM)
      this.vector.setEnvelopeLengths(i, PEER_ROOM, CONTROL_ROOM)
      const view = (at: number, length: number): Uint8Array =>
        envelopes.subarray(i * ENVELOPE_LENGTH + at, i * ENVELOPE_LENGTH + at + length)
      this.#views.push({ ipv4: view(IPV4_AT, 4), mapped: view(MAPPED_AT, 4), ipv6: view(IPV6_AT, 16) })
    }
  }

  /** Takes what the socket holds, up to BATCH datagrams. Returns how many, or -1: `errno` tells why. */
  receive(fd: number, flags = MSG_DONTWAIT): number {
    return this.#libc.recvmmsg(fd, this.vector.address, BATCH, flags, 0n)
  }

  /** Makes the first `count` places ready for the next call. */
  release(count: number): void {
    for (let i = 0; i < count; i++) this.vector.setEnvelopeLengths(i, PEER_ROOM, CONTROL_ROOM)
  }

  /** Where message `i` begins in `data`. */
  start(i: number): number {
    return i * QUERY_ROOM
  }

  /** Tells `query` who has sent message `i`; valid until `release`. */
  identify(i: number, query: Query): void {
    const { envelopes, envelopeWords } = this.vector
    const at = i * ENVELOPE_LENGTH + PORT_AT
    const word = i * ENVELOPE_WORDS
    query.clientPort = (envelopes[at] << 8) | envelopes[at + 1]
    const views = this.#views[i]
    if ((envelopeWords[word] & 0xffff) === AF_INET) query.clientAddress = views.ipv4
    else if (
      // An IPv4 client of a dual-stack socket: ::ffff:0:0/96 (RFC 4291 section 2.5.5.2).
      envelopeWords[word + 4] === 0xffff_0000 &&
      envelopeWords[word + 3] === 0 &&
      envelopeWords[word + 2] === 0
    ) {
      query.clientAddress = views.mapped
    } else query.clientAddress = views.ipv6
  }

  /**
   * Turns the packet info of message `i`, if it has one, into that of its reply: from the address that was asked, through whatever interface
   * the routes say. A link-local address is one of its interface (RFC 4007), and nothing is sent from a multicast address.
   */
  turn(i: number): void {
    if (this.vector.controlLength(i) === 0) return
    const { envelopeWords } = this.vector
    const at = i * ENVELOPE_WORDS
    if (envelopeWords[at + LEVEL] === IPPROTO_IP) {
      envelopeWords[at + INFO] = 0
      return
    }
    const head = envelopeWords[at + INFO]
    // fe80::/10, as a little-endian word.
    if ((head & 0xc0ff) !== 0x80fe) envelopeWords[at + INFO6_INTERFACE] = 0
    if ((head & 0xff) === 0xff) envelopeWords.fill(0, at + INFO, at + INFO6_INTERFACE)
  }

  /** Envelope of message `i`, to be kept. */
  keepEnvelope(i: number): Envelope {
    return {
      words: this.vector.envelopeWords.slice(i * ENVELOPE_WORDS, (i + 1) * ENVELOPE_WORDS),
      peerLength: this.vector.peerLength(i),
      controlLength: this.vector.controlLength(i),
    }
  }
}
