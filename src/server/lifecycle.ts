// The order in which plugins and sockets come up and go down.

import type { Logger } from 'pino'
import type { Instance } from './plugin.ts'
import type { Server } from './server.ts'

export interface LifecycleOptions {
  /** Of all server blocks, in execution order. */
  readonly instances: readonly { readonly name: string; readonly instance: Instance }[]
  readonly server: Pick<Server, 'start' | 'stop'>
  readonly log: Logger
}

export class Lifecycle {
  readonly #options: LifecycleOptions
  readonly #started: LifecycleOptions['instances'][number][] = []
  #stopping: Promise<void> | undefined

  constructor(options: LifecycleOptions) {
    this.#options = options
  }

  /** Starts the plugins one after the other, then the server. What has started is stopped again when one rejects, and its error thrown. */
  async start(): Promise<void> {
    const { instances, server } = this.#options
    try {
      for (const entry of instances) {
        // A signal may come while a plugin still starts.
        if (this.#stopping) return await this.#stopping
        this.#started.push(entry)
        await entry.instance.start?.()
      }
      if (this.#stopping) return await this.#stopping
      await server.start()
    } catch (error) {
      this.#stopping ??= this.#stopInstances()
      await this.#stopping
      throw error
    }
  }

  /**
   * Lets every plugin finish its lameduck time while queries are still answered, stops the server, then the plugins. What fails is logged
   * and holds up nothing. Called again, it waits for the same end.
   */
  stop(options?: { graceMs?: number }): Promise<void> {
    this.#stopping ??= this.#stop(options)
    return this.#stopping
  }

  async #stop(options?: { graceMs?: number }): Promise<void> {
    await this.#forEach('lameduck', instance => instance.lameduck?.())
    await this.#options.server.stop(options)
    await this.#stopInstances()
  }

  #stopInstances(): Promise<void> {
    return this.#forEach('stop', instance => instance.stop?.())
  }

  async #forEach(phase: string, run: (instance: Instance) => Promise<void> | undefined): Promise<void> {
    await Promise.all(
      this.#started.map(async ({ name, instance }) => {
        try {
          await run(instance)
        } catch (error) {
          this.#options.log.error({ err: error }, `plugin ${name}: ${phase} failed`)
        }
      }),
    )
  }
}
