// Questions over UDP: a few sockets at a time, each for a few questions, so that neither port nor id can be guessed (RFC 5452).

import { MAX_UDP_SIZE } from '../wire/constants.ts'
import { read16 } from '../wire/query.ts'
import { write16 } from '../wire/reply.ts'
import type { Datagrams, DatagramSink } from './datagram.ts'
import { draw16, drawBelow } from './random.ts'
import type { Carrier, Question } from './question.ts'
import type { Route } from './route.ts'
import { Timed } from './wheel.ts'

/** Sockets that take new questions; which of them takes the next one is drawn. */
const SLOT_COUNT = 16
/** With those that only wait for their last answers. Beyond, questions share what is open. */
const MAX_SOCKETS = 64
/** Questions to a port. Opening one costs about as much as two questions, so this is little for each. */
const MAX_QUESTIONS = 128
/** Half of all ids: another free one is found after a few draws. */
const MAX_OUTSTANDING = 32_768

export class UdpPool {
  readonly route: Route
  /** What waits, by id; ids are of the pool, not of the socket. */
  readonly #waiting = new Map<number, Question>()
  readonly #slots: (Port | undefined)[]
  readonly #open = new Set<Port>()

  constructor(route: Route) {
    this.route = route
    this.#slots = Array.from({ length: Math.min(SLOT_COUNT, route.maxIdle || SLOT_COUNT) })
  }

  get outstanding(): number {
    return this.#waiting.size
  }

  get sockets(): number {
    return this.#open.size
  }

  static fits(question: Question): boolean {
    return question.length <= MAX_UDP_SIZE
  }

  ask(question: Question): void {
    const { route } = this
    if (this.#waiting.size >= MAX_OUTSTANDING) {
      question.asker.failed(route.explain('too many questions wait for it'))
      return
    }
    let port: Port
    try {
      port = this.#choose(question.askedMs)
    } catch (error) {
      question.asker.failed(route.explain((error as Error).message))
      return
    }
    let id = draw16()
    while (this.#waiting.has(id)) id = draw16()
    question.id = id
    question.carrier = port
    write16(question.bytes, 0, id)
    this.#waiting.set(id, question)
    route.wheel.add(question, question.timeoutMs)
    port.send(question)
  }

  #choose(nowMs: number): Port {
    const { route } = this
    const slot = drawBelow(this.#slots.length)
    const known = this.#slots[slot]
    const isFull = this.#open.size >= MAX_SOCKETS
    if (known && (isFull || known.isFresh(nowMs))) return this.#reuse(known)
    if (isFull) for (const port of this.#open) return this.#reuse(port)
    const port = new Port(this)
    try {
      port.open(nowMs)
    } catch (error) {
      // No descriptor left, perhaps: a port that was used more often than is good beats no answer.
      for (const other of this.#open) return this.#reuse(other)
      throw error
    }
    route.counts.missed('udp')
    this.#open.add(port)
    this.#slots[slot] = port
    known?.retire()
    return port
  }

  #reuse(port: Port): Port {
    this.route.counts.hit('udp')
    return port
  }

  /** The question that `port` waits for under this id. */
  find(id: number, port: Port): Question | undefined {
    const question = this.#waiting.get(id)
    return question?.carrier === port ? question : undefined
  }

  /** The question no longer waits. */
  release(question: Question): void {
    this.#waiting.delete(question.id)
    this.route.wheel.remove(question)
    question.carrier = undefined
  }

  waitingOn(port: Port): Question[] {
    return [...this.#waiting.values()].filter(question => question.carrier === port)
  }

  forget(port: Port): void {
    this.#open.delete(port)
    const slot = this.#slots.indexOf(port)
    if (slot >= 0) this.#slots[slot] = undefined
  }

  close(): void {
    for (const port of this.#open) port.fail('it is no longer asked')
  }
}

/** One socket. */
class Port extends Timed implements Carrier, DatagramSink {
  readonly #pool: UdpPool
  #datagrams!: Datagrams
  #asked = 0
  #outstanding = 0
  #openedMs = 0
  #usedMs = 0
  #isRetired = false

  constructor(pool: UdpPool) {
    super()
    this.#pool = pool
  }

  open(nowMs: number): void {
    const { openDatagrams, endpoint, source, wheel, expireMs } = this.#pool.route
    this.#datagrams = openDatagrams(endpoint, source, this)
    this.#openedMs = nowMs
    wheel.add(this, expireMs)
  }

  /** Whether it may take another question. */
  isFresh(nowMs: number): boolean {
    const { expireMs, maxAgeMs } = this.#pool.route
    return this.#asked < MAX_QUESTIONS && expireMs > 0 && (maxAgeMs === 0 || nowMs - this.#openedMs <= maxAgeMs)
  }

  send(question: Question): void {
    question.number = ++this.#asked
    this.#outstanding++
    this.#usedMs = question.askedMs
    this.#datagrams.send(question.bytes, question.length)
  }

  received(bytes: Buffer, start: number, end: number): void {
    const question = end - start >= 12 ? this.#pool.find(read16(bytes, start), this) : undefined
    // The right answer may still come (RFC 5452 section 9.1).
    if (!question?.matches(bytes, start, end)) {
      this.#pool.route.counts.ignored()
      return
    }
    this.#release(question)
    question.asker.answered(bytes, start, end)
  }

  broken(code: string): void {
    this.fail(code)
  }

  expired(question: Question): void {
    const { route } = this.#pool
    // Its bytes are about to be used again: what has not left must not leave any more. Datagrams leave in their order, and those that other late
    // questions have been asked again with a moment ago are behind it.
    if (question.number > this.#asked - this.#datagrams.unsent) this.fail('nothing leaves')
    else {
      this.#release(question)
      question.asker.failed(route.explain(route.late(question)))
    }
  }

  #release(question: Question): void {
    this.#pool.release(question)
    this.#outstanding--
    if (this.#isRetired && this.#outstanding === 0) this.#close()
  }

  /** Takes no more questions; closes after the last answer. */
  retire(): void {
    this.#isRetired = true
    if (this.#outstanding === 0) this.#close()
  }

  /** Closes now; what still waits has failed. */
  fail(why: string): void {
    const { route } = this.#pool
    const questions = this.#pool.waitingOn(this)
    for (const question of questions) this.#pool.release(question)
    this.#outstanding = 0
    this.#close()
    for (const question of questions) question.asker.failed(route.explain(why))
  }

  /** It has been idle, or not for long enough. */
  override expire(): void {
    const { wheel, expireMs } = this.#pool.route
    const leftMs = this.#usedMs + expireMs - performance.now()
    if (this.#outstanding > 0 || leftMs > 0) wheel.add(this, Math.max(leftMs, 0))
    else this.#close()
  }

  #close(): void {
    this.#pool.route.wheel.remove(this)
    this.#pool.forget(this)
    this.#datagrams.close()
  }
}
