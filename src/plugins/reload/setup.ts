import type { Plugin } from '../../server/plugin.ts'
import { parseDurationMs } from '../../corefile/value.ts'

const DEFAULT_INTERVAL_MS = 30_000
const MIN_INTERVAL_MS = 2_000
const DEFAULT_JITTER_MS = 15_000
const MIN_JITTER_MS = 1_000
/** What a timer of Node takes, with the jitter. */
const MAX_INTERVAL_MS = 2 ** 30

export const reload: Plugin = {
  name: 'reload',
  repeatable: false,
  setup(cursor) {
    const interval = cursor.nextArg()
    const range = { min: MIN_INTERVAL_MS, max: MAX_INTERVAL_MS }
    const intervalMs = interval ? parseDurationMs(interval, range) : DEFAULT_INTERVAL_MS
    const jitter = cursor.nextArg()
    const jitterMs = jitter ? parseDurationMs(jitter, { min: 0 }) : DEFAULT_JITTER_MS
    if (jitterMs > 0 && jitterMs < MIN_JITTER_MS) {
      throw cursor.error('bad_argument', `jitter of ${jitter?.text}`, '0 or at least 1s')
    }
    cursor.end()
    cursor.noBlock()
    return {
      control({ pollCorefile }) {
        let timer: NodeJS.Timeout | undefined
        return {
          activate() {
            timer = setInterval(() => void pollCorefile(), spread(intervalMs, jitterMs)).unref()
          },
          stop() {
            clearInterval(timer)
            return Promise.resolve()
          },
        }
      },
    }
  },
}

/** Servers that were started together shall not reload together. The jitter is half the interval at most, as in CoreDNS. */
function spread(intervalMs: number, jitterMs: number): number {
  return intervalMs + (Math.random() - 0.5) * Math.min(jitterMs, intervalMs / 2)
}
