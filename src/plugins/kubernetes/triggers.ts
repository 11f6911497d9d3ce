// How long changes took from their cause to the zone: each slice says when what it tells of began (SLI "DNS programming latency").

import type { SlimEndpointSlice, SlimService } from '../../watch/slim.ts'

export type ServiceKind = 'cluster_ip' | 'headless_with_selector' | 'headless_without_selector'

export class Triggers {
  readonly #onProgrammed: (kind: ServiceKind, seconds: number) => void
  readonly #waiting: SlimEndpointSlice[] = []

  constructor(onProgrammed: (kind: ServiceKind, seconds: number) => void = () => {}) {
    this.#onProgrammed = onProgrammed
  }

  /** It is to be published. */
  add(slice: SlimEndpointSlice): void {
    if (!Number.isNaN(slice.lastChangeTriggerTimeMs)) this.#waiting.push(slice)
  }

  /** What was there at the first list changed before this process was born. */
  drop(): void {
    this.#waiting.length = 0
  }

  /** All that was added has been published. */
  tell(findService: (key: string) => SlimService | undefined): void {
    for (const { namespace, service: name, lastChangeTriggerTimeMs } of this.#waiting.splice(0)) {
      const service = findService(`${namespace}/${name}`)
      if (!service) continue
      const seconds = (Date.now() - lastChangeTriggerTimeMs) / 1000
      this.#onProgrammed(serviceKind(service), Math.max(0, seconds))
    }
  }
}

function serviceKind(service: SlimService): ServiceKind {
  if (!service.headless) return 'cluster_ip'
  return service.hasSelector ? 'headless_with_selector' : 'headless_without_selector'
}
