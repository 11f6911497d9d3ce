// Tells secondaries that a zone has changed (RFC 1996), from the control thread.

import { randomInt } from 'node:crypto'
import dgram from 'node:dgram'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Address } from '../../corefile/value.ts'
import { isIpv6, joinHostPort } from '../../wire/address.ts'
import { Class, Flag, HEADER_LENGTH, Opcode, Rcode, Type, formatRcode } from '../../wire/constants.ts'
import { type WireName, formatName } from '../../wire/name.ts'
import { read16 } from '../../wire/query.ts'
import { write16 } from '../../wire/reply.ts'

/** Each time the zone changes, and not more often than this; what changes meanwhile is told then. */
const INTERVAL_MS = 5_000
/** How long each of the tries waits for its answer. RFC 1996 section 3.6: a bounded number, further and further apart. */
const TRIES_MS = [1_000, 2_000, 4_000, 8_000, 16_000]
const QUESTION_TAIL_LENGTH = 4
const RCODE_MASK = 15

/** One secondary, one zone. */
export class Notifier {
  readonly zone: WireName
  readonly #target: Address
  readonly #source: string | undefined
  readonly #log: Logger
  readonly #stopped = new AbortController()
  #isDue = false
  #running: Promise<void> | undefined

  /** `source` is an address of this machine, in the target's family; the system's choice when undefined. */
  constructor(zone: WireName, target: Address, source: string | undefined, log: Logger) {
    this.zone = zone
    this.#target = target
    this.#source = source
    this.#log = log
  }

  /** The zone has changed. */
  notify(): void {
    this.#isDue = true
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (this.#isDue && !signal.aborted) {
      this.#isDue = false
      const failure = await this.#tell()
      if (failure !== undefined && !signal.aborted) {
        const to = joinHostPort(this.#target.host, this.#target.port)
        const zone = formatName(this.zone)
        this.#log.warn(`plugin/transfer: notify for zone "${zone}" was not accepted by ${to}: ${failure}`)
      }
      await delay(INTERVAL_MS, undefined, { signal }).catch(() => {})
    }
    this.#running = undefined
  }

  /** Why the secondary has not accepted it; undefined when it has. */
  async #tell(): Promise<string | undefined> {
    let failure = ''
    for (const timeoutMs of TRIES_MS) {
      if (this.#stopped.signal.aborted) break
      const outcome = await this.#exchange(timeoutMs)
      // Whoever says no says so again.
      if (typeof outcome === 'number')
        return outcome === Rcode.NOERROR ? undefined : `rcode was ${formatRcode(outcome)}`
      failure = outcome
    }
    return failure
  }

  /** The rcode of the answer, or why there is none. */
  #exchange(timeoutMs: number): Promise<Rcode | string> {
    const { host, port } = this.#target
    const { signal } = this.#stopped
    // A socket for each try, so that its port and the id are a guess each for who would answer instead.
    const socket = dgram.createSocket(isIpv6(host) ? 'udp6' : 'udp4')
    const message = encodeNotify(this.zone)
    return new Promise(resolve => {
      const finish = (outcome: Rcode | string): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', onAbort)
        socket.removeAllListeners('message').close()
        resolve(outcome)
      }
      const onAbort = (): void => finish('stopped')
      // What fails at once (nobody listens) is tried again when its time is over, like silence.
      let reason = 'no answer'
      const timer = setTimeout(() => finish(reason), timeoutMs)
      signal.addEventListener('abort', onAbort)
      socket.on('error', error => {
        reason = error.message
      })
      socket.on('message', answer => {
        if (!isAnswer(answer, message)) return
        finish(read16(answer, 2) & RCODE_MASK)
      })
      // Connected, so that only the secondary's datagrams come.
      socket.bind({ address: this.#source }, () => socket.connect(port, host))
      socket.on('connect', () => socket.send(message))
    })
  }
}

/** RFC 1996 section 3.7 lets the SOA be left out: who has not asked for it cannot be sure of it. */
function encodeNotify(zone: WireName): Buffer {
  const message = Buffer.alloc(HEADER_LENGTH + zone.length + QUESTION_TAIL_LENGTH)
  write16(message, 0, randomInt(1 << 16))
  write16(message, 2, (Opcode.NOTIFY << 11) | Flag.AA)
  write16(message, 4, 1)
  message.set(zone, HEADER_LENGTH)
  write16(message, HEADER_LENGTH + zone.length, Type.SOA)
  write16(message, HEADER_LENGTH + zone.length + 2, Class.IN)
  return message
}

const isAnswer = (answer: Buffer, message: Buffer): boolean =>
  answer.length >= HEADER_LENGTH &&
  read16(answer, 0) === read16(message, 0) &&
  (read16(answer, 2) & Flag.QR) !== 0 &&
  ((read16(answer, 2) >> 11) & 15) === Opcode.NOTIFY
