// The order in which the plugins of a configuration come up and go down.

import type { Logger } from 'pino'
import type { Instance } from './plugin.ts'

/** A plugin's instance with the plugin's name. */
export interface NamedInstance {
  readonly name: string
  readonly instance: Instance
}

export class Lifecycle {
  /** Of all server blocks, in execution order. */
  readonly #instances: readonly NamedInstance[]
  readonly #log: Logger
  readonly #started: NamedInstance[] = []
  #stopping: Promise<void> | undefined

  constructor(instances: readonly NamedInstance[], log: Logger) {
    this.#instances = instances
    this.#log = log
  }

  /** Starts the plugins one after the other. When one rejects, what has started is stopped again, and its error thrown. */
  async start(): Promise<void> {
    try {
      for (const entry of this.#instances) {
        // A signal may come while a plugin still starts.
        if (this.#stopping) return await this.#stopping
        this.#started.push(entry)
        await entry.instance.start?.()
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Tells every plugin that the sockets are this configuration's. */
  activate(): void {
    for (const { name, instance } of this.#instances) {
      try {
        instance.activate?.()
      } catch (error) {
        this.#log.error({ err: error }, `plugin ${name}: activate failed`)
      }
    }
  }

  /** Lets every plugin finish its lameduck time while queries are still answered. */
  async lameduck(): Promise<void> {
    if (!this.#stopping) await this.#forEach('lameduck', instance => instance.lameduck?.())
  }

  /** Stops what has started. What fails is logged and holds up nothing. Called again, it waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#forEach('stop', instance => instance.stop?.())
    return this.#stopping
  }

  async #forEach(phase: string, run: (instance: Instance) => Promise<void> | undefined): Promise<void> {
    await Promise.all(
      this.#started.map(async ({ name, instance }) => {
        try {
          await run(instance)
        } catch (error) {
          this.#log.error({ err: error }, `plugin ${name}: ${phase} failed`)
        }
      }),
    )
  }
}
