// Asks a server that has failed until it is well again (CoreDNS: plugin/pkg/up and proxy/health.go).

import { Flag, HEADER_LENGTH, Type } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { write16 } from '../wire/reply.ts'
import { type Asker, Question } from './question.ts'
import { Timed, type Wheel } from './wheel.ts'

export interface HealthOptions {
  /** Between the end of one check that failed and the next. */
  readonly intervalMs: number
  /** Whether checks ask for recursion. */
  readonly recursionDesired: boolean
  /** The name that is asked for, with type NS. */
  readonly domain: WireName
}

const HEALTH_TIMEOUT_MS = 1_000

/** What is checked. */
export interface Patient {
  readonly wheel: Wheel
  ask(question: Question): void
  /** Any answer is a good one, whatever its rcode. */
  healthChecked(isWell: boolean): void
}

export class HealthCheck extends Timed implements Asker {
  readonly #patient: Patient
  readonly #options: HealthOptions
  readonly #question = new Question(this)
  #isRunning = false
  #isStopped = false

  constructor(patient: Patient, options: HealthOptions) {
    super()
    this.#patient = patient
    this.#options = options
    this.#question.timeoutMs = HEALTH_TIMEOUT_MS
  }

  /** Begins to check, unless it does already. */
  start(): void {
    if (this.#isRunning || this.#isStopped) return
    this.#isRunning = true
    this.expire()
  }

  stop(): void {
    this.#isStopped = true
    this.#patient.wheel.remove(this)
  }

  /** The next check is due. */
  override expire(): void {
    const { domain, recursionDesired } = this.#options
    const question = this.#question
    const { bytes } = question
    question.length = HEADER_LENGTH + domain.length + 4
    bytes.fill(0, 0, HEADER_LENGTH)
    write16(bytes, 2, recursionDesired ? Flag.RD : 0)
    write16(bytes, 4, 1)
    bytes.set(domain, HEADER_LENGTH)
    write16(bytes, HEADER_LENGTH + domain.length, Type.NS)
    write16(bytes, HEADER_LENGTH + domain.length + 2, 1)
    this.#patient.ask(question)
  }

  answered(): void {
    this.#isRunning = false
    this.#patient.healthChecked(true)
  }

  failed(): void {
    if (this.#isStopped) return
    this.#patient.healthChecked(false)
    this.#patient.wheel.add(this, this.#options.intervalMs)
  }
}
