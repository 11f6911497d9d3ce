// Questions over HTTPS (RFC 8484): a request for each, many at one time on a connection with HTTP/2, one with HTTP/1.1.

import type { IncomingHttpHeaders } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { HEADER_LENGTH, MAX_MESSAGE_SIZE } from '../wire/constants.ts'
import { write16 } from '../wire/reply.ts'
import { parseAge, subtractAge } from './age.ts'
import { Connection } from './connection.ts'
import { formatAuthority } from './endpoint.ts'
import { type Http, Http1, Http2, type HttpEvents, MAX_STREAMS, type Request, type Response } from './http.ts'
import { Pool } from './pool.ts'
import type { Question } from './question.ts'
import type { Route } from './route.ts'

/** RFC 8484 section 6. */
const MEDIA_TYPE = 'application/dns-message'
/** CoreDNS asks for no other. */
const PATH = '/dns-query'
/** A connection of HTTP/2 has ids for 2^30 requests (RFC 9113 section 5.1.1). */
const MAX_REQUESTS = 2 ** 20

export const openHttps = (route: Route): Pool =>
  new Pool(route, 'https', MAX_STREAMS, pool => new HttpsConnection(pool))

class HttpsConnection extends Connection implements HttpEvents {
  readonly #exchanges = new Map<Question, Exchange>()
  #http: Http | undefined
  #asked = 0

  constructor(pool: Pool) {
    super(pool, ['h2', 'http/1.1'])
  }

  protected opened(): void {
    const socket = this.socket as TLSSocket
    // A server that says nothing of it knows nothing of `h2` (RFC 9113 section 3.2).
    this.#http = socket.alpnProtocol === 'h2' ? new Http2(socket, this, this.pool.capacity) : new Http1(socket, this)
    this.resized()
  }

  resized(): void {
    if (this.#http) this.pool.capacity = this.#http.capacity
    this.#pump()
  }

  send(question: Question): void {
    this.admit(question, ++this.#asked)
    if (this.#asked === MAX_REQUESTS) this.isLeaving = true
    this.#pump()
  }

  /** Sends what waits, as much as the server takes. */
  #pump(): void {
    if (!this.#http || this.waiting.size === this.#exchanges.size) return
    for (const question of this.waiting.values()) {
      if (this.#exchanges.size >= this.#http.capacity) return
      if (!this.#exchanges.has(question)) this.#request(this.#http, question)
    }
  }

  #request(http: Http, question: Question): void {
    const exchange = new Exchange(this, question)
    try {
      exchange.cancel = http.request(writeRequest(this.pool.route, question), exchange)
      this.#exchanges.set(question, exchange)
    } catch (error) {
      // Whoever asks again at once must not come here again.
      this.isLeaving = true
      this.giveUp(question, (error as Error).message, true)
      this.left()
    }
  }

  left(): void {
    this.isLeaving = true
    for (const question of this.waiting.values()) {
      if (!this.#exchanges.has(question)) this.giveUp(question, 'the server takes no more requests', true)
    }
    this.rest()
  }

  ended(why: string): void {
    this.close(why)
  }

  /** The whole body of an answer. */
  complete(question: Question, bytes: Buffer, ageSeconds: number): void {
    this.receivedMs = performance.now()
    if (bytes.length < HEADER_LENGTH || !question.matches(bytes, 0, bytes.length)) {
      this.pool.route.counts.ignored()
      this.refuse(question, 'it answered another question')
      return
    }
    if (ageSeconds > 0) subtractAge(bytes, ageSeconds)
    this.release(question)
    question.asker.answered(bytes, 0, bytes.length)
    this.#goOn()
  }

  /** What has come is no answer. */
  refuse(question: Question, why: string): void {
    this.receivedMs = performance.now()
    // With HTTP/1.1 nobody knows what else is on its way.
    if (this.#http instanceof Http1) this.isLeaving = true
    this.giveUp(question, why, false)
    this.#goOn()
  }

  /** The server has given up a request, and nothing else. */
  lose(question: Question, why: string, isUntouched: boolean): void {
    this.giveUp(question, why, isUntouched)
    this.#goOn()
  }

  #goOn(): void {
    if (this.isClosed) return
    if (this.isLeaving) this.left()
    else {
      this.#pump()
      this.rest()
    }
  }

  protected override release(question: Question): void {
    const exchange = this.#exchanges.get(question)
    this.#exchanges.delete(question)
    super.release(question)
    exchange?.abandon()
  }

  protected override hangUp(): void {
    if (this.#http) this.#http.close()
    else super.hangUp()
  }
}

/** One request, and what has come of its answer. */
class Exchange implements Response {
  readonly #connection: HttpsConnection
  readonly #question: Question
  readonly #chunks: Buffer[] = []
  #length = 0
  #ageSeconds = 0
  /** Nobody waits any more. */
  #isDone = false
  cancel: (() => void) | undefined

  constructor(connection: HttpsConnection, question: Question) {
    this.#connection = connection
    this.#question = question
  }

  abandon(): void {
    if (this.#isDone) return
    this.#isDone = true
    this.cancel?.()
  }

  began(status: number, headers: IncomingHttpHeaders): void {
    if (this.#isDone) return
    this.#ageSeconds = parseAge(headers.age)
    const objection = findObjection(status, headers)
    if (objection) this.#connection.refuse(this.#question, objection)
  }

  received(chunk: Buffer): void {
    if (this.#isDone) return
    this.#length += chunk.length
    if (this.#length <= MAX_MESSAGE_SIZE) this.#chunks.push(chunk)
    else this.#connection.refuse(this.#question, 'its answer is too long')
  }

  ended(): void {
    if (this.#isDone) return
    this.#isDone = true
    const bytes = Buffer.concat(this.#chunks, this.#length)
    this.#connection.complete(this.#question, bytes, this.#ageSeconds)
  }

  broke(why: string, isUntouched: boolean): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#connection.lose(this.#question, why, isUntouched)
  }
}

function writeRequest({ endpoint, dohMethod }: Route, question: Question): Request {
  const message = Buffer.copyBytesFrom(question.bytes, 0, question.length)
  // Always the same, so that caches on the way know the question again (RFC 8484 section 4.1).
  write16(message, 0, 0)
  const authority = formatAuthority(endpoint)
  const accept = MEDIA_TYPE
  if (dohMethod === 'GET') {
    // base64url, without padding (RFC 8484 section 6).
    const path = `${PATH}?dns=${message.toString('base64url')}`
    return { method: 'GET', path, authority, headers: { accept } }
  }
  const headers = { accept, 'content-type': MEDIA_TYPE, 'content-length': String(message.length) }
  return { method: 'POST', path: PATH, authority, headers, body: message }
}

/** Why an answer that begins so is none; undefined when nothing speaks against it. */
function findObjection(status: number, headers: IncomingHttpHeaders): string | undefined {
  // All others have no answer to the question (RFC 8484 section 4.2.1). Redirections are not followed: the Corefile says who is asked.
  if (status < 200 || status > 299) return `HTTP status ${status}`
  const [type] = (headers['content-type'] ?? '').split(';')
  if (type.trim().toLowerCase() !== MEDIA_TYPE) return `its answer is not ${MEDIA_TYPE}`
  return Number(headers['content-length'] ?? 0) > MAX_MESSAGE_SIZE ? 'its answer is too long' : undefined
}
