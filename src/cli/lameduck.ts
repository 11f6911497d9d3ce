// The end of a process that others still send queries to.
//
// In a rolling update, kube-proxy keeps the flow of a client's socket on a Pod that is about to end for as long as that Pod is ready; and it hears that it is not
// any more from the readiness probe, after period × threshold (10 s × 3 in kubeadm's Deployment). So a lameduck of 5 s ends too early for a client that goes on
// asking from one socket: whoever is still asked, or is yet to be probed as often, goes on answering.

import { setTimeout as delay } from 'node:timers/promises'

export interface LameduckLimits {
  /** Nothing has come for so long: nobody sends any more. Where the lameduck was shorter, that long. */
  readonly quietMs: number
  /**
   * From the signal on. The grace period of Kubernetes is 30 s; `forward` gives a server 2 s to answer. The third probe of kubeadm's fails after 20 to 30 s: each
   * second sooner loses queries in one more of ten Pods.
   */
  readonly totalMs: number
}

export const LAMEDUCK_LIMITS: LameduckLimits = { quietMs: 3_000, totalMs: 28_000 }

const POLL_MS = 100

/**
 * Waits for the end of the lameduck, then for `isEndKnown`, and then until `received`, which counts queries, stands still; `onLonger` is called when that is not so
 * at once. Without a lameduck there is nothing to wait for: nobody balances between this process and others. Rejects as `lameduck` does.
 */
export async function outlast(
  lameduck: Promise<void>,
  received: () => Promise<number>,
  isEndKnown: () => boolean,
  onLonger: () => void,
  { quietMs, totalMs }: LameduckLimits = LAMEDUCK_LIMITS,
): Promise<void> {
  const startMs = performance.now()
  let lameduckMs: number | undefined
  const end = async (): Promise<void> => {
    await lameduck
    lameduckMs = performance.now() - startMs
  }
  const ended = end()
  ended.catch(() => {}) // Told by the wait below.
  // A thread that hangs never says what it has received.
  const timeUp = delay(totalMs, undefined, { ref: false })
  let seen = await Promise.race([received(), timeUp])
  // Counted in looks and not by the clock: a process without CPU has not read what came, and looks as seldom. Before anything has come, it has been quiet for ever.
  let quietLooks = Infinity
  for (let isLonger = false; ; ) {
    await (lameduckMs === undefined ? Promise.race([ended, delay(POLL_MS)]) : delay(POLL_MS))
    const count = await Promise.race([received(), timeUp])
    quietLooks = count === seen && isEndKnown() ? quietLooks + 1 : 0
    seen = count
    if (lameduckMs === undefined) continue
    const isQuiet = quietLooks >= Math.round(Math.min(lameduckMs, quietMs) / POLL_MS)
    if (isQuiet || performance.now() - startMs >= totalMs) return
    if (!isLonger) onLonger()
    isLonger = true
  }
}
