// The order in which the plugins of a configuration come up and go down.

import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ControlContext, ControlPhases, Instance } from './plugin.ts'

/** Of the event loop: in the first a connection is there, in the second it can be written to. */
const ASKING_TURNS = 2

/** A plugin's instance with the plugin's name. */
export interface NamedInstance {
  readonly name: string
  readonly instance: Instance
}

interface NamedPhases {
  readonly name: string
  readonly phases: ControlPhases
}

export class Lifecycle {
  /** Of all server blocks, in execution order. */
  readonly #entries: readonly NamedPhases[]
  readonly #log: Logger
  readonly #started: NamedPhases[] = []
  #stopping: Promise<void> | undefined

  /** `control` is there in the control thread, and with it what plugins do there alone. */
  constructor(instances: readonly NamedInstance[], log: Logger, control?: ControlContext) {
    this.#entries = instances.flatMap(({ name, instance }) => {
      const once = control && instance.control?.(control)
      return [{ name, phases: instance }, ...(once ? [{ name, phases: once }] : [])]
    })
    this.#log = log
  }

  /**
   * Starts the plugins one after the other. When one rejects, what has started is stopped again, and its error thrown. `meanwhile` is done while any of
   * them waits for others; it does not reject.
   */
  async start(meanwhile?: () => Promise<void>): Promise<void> {
    try {
      for (const entry of this.#entries) {
        // A signal may come while a plugin still starts.
        if (this.#stopping) return await this.#stopping
        this.#started.push(entry)
        await entry.phases.start?.()
        // What it asks goes out before others take the CPU.
        if ('settle' in entry.phases) for (let i = 0; i < ASKING_TURNS; i++) await turn()
      }
      const waiting = this.#entries.filter(({ phases }) => 'settle' in phases)
      if (waiting.length > 0) await meanwhile?.()
      for (const { phases } of waiting) {
        if (this.#stopping) return await this.#stopping
        await phases.settle?.()
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Tells every plugin that the sockets are this configuration's. */
  activate(): void {
    for (const { name, phases } of this.#entries) {
      try {
        phases.activate?.()
      } catch (error) {
        this.#log.error({ err: error }, `plugin ${name}: activate failed`)
      }
    }
  }

  /** Lets every plugin finish its lameduck time while queries are still answered. */
  async lameduck(): Promise<void> {
    if (!this.#stopping) await this.#forEach('lameduck', phases => phases.lameduck?.())
  }

  /** Whether those who send clients here can know of the end that the lameduck began. */
  get isEndKnown(): boolean {
    return this.#started.every(({ phases }) => phases.isEndKnown?.() ?? true)
  }

  /** Stops what has started. What fails is logged and holds up nothing. Called again, it waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#forEach('stop', phases => phases.stop?.())
    return this.#stopping
  }

  async #forEach(phase: string, run: (phases: ControlPhases) => Promise<void> | undefined): Promise<void> {
    await Promise.all(
      this.#started.map(async ({ name, phases }) => {
        try {
          await run(phases)
        } catch (error) {
          this.#log.error({ err: error }, `plugin ${name}: ${phase} failed`)
        }
      }),
    )
  }
}
