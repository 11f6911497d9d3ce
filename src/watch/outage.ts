import type { Clock } from './clock.ts'
import { type ApiFault, FaultCode } from './fault.ts'

/** pino is one. */
export interface Log {
  info(message: string): void
  warn(message: string): void
  error(message: string): void
}

const NEEDS_A_PERSON: ReadonlySet<FaultCode> = new Set([
  FaultCode.CONFIGURATION,
  FaultCode.CERTIFICATE,
  FaultCode.UNAUTHORIZED,
  FaultCode.FORBIDDEN,
  FaultCode.NOT_FOUND,
])
/**
 * What is said of the failures of one resource: a line when what is known begins to be old, and one when it no longer is, however many attempts
 * fail between them.
 */
export class Outage {
  readonly #name: string
  readonly #log: Log
  readonly #clock: Clock
  #failures = 0
  #sinceMs = 0
  /** Which faults of this outage were told; empty while there is none. */
  readonly #said = new Set<FaultCode>()

  constructor(name: string, log: Log, clock: Clock) {
    this.#name = name
    this.#log = log
    this.#clock = clock
  }

  get isOn(): boolean {
    return this.#failures > 0
  }

  /** An attempt has failed; `wasOpen` when the server had answered it. `held` is how many objects are known. */
  fail(fault: ApiFault, wasOpen: boolean, held: number): void {
    if (this.#failures === 0) this.#sinceMs = this.#clock.monotonicMs()
    this.#failures++
    // A watch that breaks is resumed within a second as a rule; it is worth a line only when that fails.
    const isOrdinary = fault.code === FaultCode.GONE || (wasOpen && fault.code !== FaultCode.MALFORMED)
    // What a person must put right is told even when it comes to light behind another fault: refused, then forbidden.
    const isNews = this.#said.size === 0 || (NEEDS_A_PERSON.has(fault.code) && !this.#said.has(fault.code))
    // That the server has lost data is told once for all resources; see `Lineage`.
    if (fault.code === FaultCode.REWOUND || !isNews || (isOrdinary && this.#failures === 1)) return
    this.#said.add(fault.code)
    this.#log.warn(`${this.#name}: ${fault.message}; keeping the ${held} that are known, trying again`)
  }

  /** The server is well again. */
  end(): void {
    if (this.#said.size > 0) {
      const seconds = Math.round((this.#clock.monotonicMs() - this.#sinceMs) / 1000)
      this.#log.info(`${this.#name}: the API is back after ${seconds} s`)
    }
    this.#failures = 0
    this.#said.clear()
  }
}
