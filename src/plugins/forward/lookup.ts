// One client's query on its way through the upstream servers: which is asked next, and what becomes of its answer (CoreDNS:
// plugin/forward/forward.go, ServeDNS). A lookup is used again for query after query.

import { Answer } from '../../upstream/answer.ts'
import { type Asker, Question } from '../../upstream/question.ts'
import { drawBelow } from '../../upstream/random.ts'
import type { Upstream } from '../../upstream/upstream.ts'
import { TICK_MS, Timed } from '../../upstream/wheel.ts'
import { Rcode } from '../../wire/constants.ts'
import { type Query, Transport } from '../../wire/query.ts'
import type { Reply } from '../../wire/reply.ts'
import type { Forward } from './forward.ts'

/** No attempt begins after this. */
const DEADLINE_MS = 5_000

/** No server could be reached; one was, and what came back is no answer (RFC 8914 sections 4.23 and 4.24). */
const NO_REACHABLE_AUTHORITY = 22
const NETWORK_ERROR = 23

/** Read and relayed within one call, so one is enough. */
const answer = new Answer()

type Settle = (rcode: Rcode | Promise<Rcode>) => void

let settler: Settle
/** One function for all promises: each would otherwise make its own. */
const keepSettler = (settle: Settle): void => {
  settler = settle
}

export class Lookup extends Timed implements Asker {
  readonly #forward: Forward
  readonly #question = new Question(this)
  readonly #order: number[] = []
  #query!: Query
  #reply!: Reply
  #settle!: Settle
  #upstreams: readonly Upstream[] = []
  /** One server is asked whatever the policy says, and its answer counts whatever it is. */
  #isProbe = false
  #upstream!: Upstream
  #transport: Transport = Transport.UDP
  /** Where in the order the next attempt is. */
  #next = 0
  /** Servers that were passed over in this round, since they are down. */
  #passed = 0
  #attempts = 0
  #maxAttempts = 0
  #failovers = 0
  #deadlineMs = 0
  #reason = ''
  #wasReached = false

  constructor(forward: Forward) {
    super()
    this.#forward = forward
  }

  /** Asks until there is an answer, or no server and no time left. Resolves to the rcode of what is then in `reply`.
   * With `probed`, that server alone is asked. */
  begin(query: Query, reply: Reply, probed?: Upstream): Promise<Rcode> {
    const { options } = this.#forward
    const upstreams = probed ? [probed] : this.#forward.upstreams
    this.#query = query
    this.#reply = reply
    this.#upstreams = upstreams
    this.#isProbe = probed !== undefined
    options.policy.arrange(this.#order, upstreams.length)
    this.#next = 0
    this.#passed = 0
    this.#attempts = 0
    this.#failovers = 0
    this.#reason = ''
    this.#wasReached = false
    this.#maxAttempts = options.maxConnectAttempts ?? 2 * upstreams.length
    this.#deadlineMs = performance.now() + DEADLINE_MS
    this.#question.timeoutMs = options.readTimeoutMs
    this.#question.copy(query.bytes, query.start, query.end)
    const promise = new Promise<Rcode>(keepSettler)
    this.#settle = settler
    this.#attempt()
    return promise
  }

  /** Asks the next server that is well. */
  #attempt(): void {
    const { options, counts } = this.#forward
    const upstreams = this.#upstreams
    for (;;) {
      if (performance.now() >= this.#deadlineMs) return this.#fail()
      if (this.#next >= this.#order.length) {
        this.#next = 0
        this.#passed = 0
      }
      const upstream = upstreams[this.#order[this.#next++]]
      if (this.#isProbe || !upstream.isDown(options.maxFails)) return this.#ask(upstream)
      if (++this.#passed < upstreams.length) continue
      counts.broken.inc()
      if (options.failfast) return this.#fail()
      // All are down, or the checks are wrong: one is asked all the same.
      return this.#ask(upstreams[drawBelow(upstreams.length)])
    }
  }

  #ask(upstream: Upstream): void {
    const { forceTcp, preferUdp } = this.#forward.options
    this.#transport = forceTcp ? Transport.TCP : preferUdp ? Transport.UDP : this.#query.transport
    this.#upstream = upstream
    this.#reply.upstream = upstream.to
    upstream.ask(this.#question, this.#transport)
  }

  answered(bytes: Buffer, start: number, end: number): void {
    const { options, nextForward } = this.#forward
    const upstream = this.#upstream
    if (!answer.read(bytes, start, end)) return this.#malformed(upstream)
    upstream.counts.answered(answer.rcode, performance.now() - this.#question.askedMs)
    if (answer.isTruncated && options.preferUdp && upstream.usesUdp(this.#question, this.#transport)) {
      this.#transport = Transport.TCP
      return upstream.ask(this.#question, Transport.TCP)
    }
    if (options.failover.has(answer.rcode) && ++this.#failovers < this.#upstreams.length) return this.#attempt()
    if (
      nextForward &&
      !this.#isProbe &&
      (options.next.has(answer.rcode) || (options.nextOnNodata && answer.isNodata))
    ) {
      return this.#end(nextForward.serve(this.#query, this.#reply))
    }
    if (!answer.relay(this.#query, this.#reply)) return this.#malformed(upstream)
    this.#reply.author = this.#forward.author
    // Without OPT there is no room for the upper bits of an rcode.
    this.#end(answer.rcode > 15 && !this.#query.hasEdns ? Rcode.SERVFAIL : answer.rcode)
  }

  #malformed(upstream: Upstream): void {
    this.#wasReached = true
    this.failed(upstream.explain('its answer is malformed'))
  }

  failed(reason: string): void {
    const { options, isStopped, wheel } = this.#forward
    this.#reason = reason
    if (isStopped) return this.#fail()
    if (options.maxFails > 0) this.#upstream.checkHealth()
    this.#attempts++
    const isLast = this.#maxAttempts > 0 && this.#attempts >= this.#maxAttempts
    if (isLast || this.#passed >= this.#upstreams.length) this.#fail()
    // Without a bound of their own, the rounds of what fails at once are a tick apart.
    else if (this.#maxAttempts === 0 && this.#next >= this.#order.length) wheel.add(this, TICK_MS)
    else this.#attempt()
  }

  /** The next round begins. */
  override expire(): void {
    if (this.#forward.isStopped) this.#fail()
    else this.#attempt()
  }

  #fail(): void {
    this.#reply.failure = new Error(this.#reason || 'no healthy proxies')
    this.#reply.setExtendedError(this.#wasReached ? NETWORK_ERROR : NO_REACHABLE_AUTHORITY)
    this.#reply.author = this.#forward.author
    this.#end(Rcode.SERVFAIL)
  }

  #end(rcode: Rcode | Promise<Rcode>): void {
    this.#question.shrink()
    this.#forward.giveBack(this)
    this.#settle(rcode)
  }
}
