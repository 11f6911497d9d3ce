// What a cluster does while it is asked: endpoints that become ready and unready.

import type { FakeApi } from '../src/fakeapi/fakeapi.ts'
import { type ClusterService, headless, sliceOf } from './cluster.ts'

/** Of the timer; changes come in small groups, as from a real API. */
const TICK_MS = 10

/**
 * Changes endpoints of headless Services, whose names change with them, until `stop` is called. `stop` puts back what was changed and returns
 * the number of changes.
 */
export function startChanges(api: FakeApi, perSecond: number): { stop: () => number } {
  const started = performance.now()
  let count = 0
  const apply = (service: ClusterService, unready: number | undefined): void => {
    api.apply(sliceOf(service, unready))
  }
  // Each round makes another endpoint of each Service unready, and the one before ready.
  const change = (): void => {
    const round = Math.floor(count / headless.length)
    const service = headless[count % headless.length]
    apply(service, round % service.endpoints.length)
    count++
  }
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - started) / 1000) * perSecond) - count
    for (let i = 0; i < due; i++) change()
  }, TICK_MS)
  return {
    stop() {
      clearInterval(timer)
      for (const service of headless.slice(0, count)) apply(service, undefined)
      return count
    },
  }
}
