/** What a timer of Node takes. */
export const MAX_TIMER_MS = 2 ** 31 - 1

const NS_PER_MS = 1e6

/** Milliseconds as Go prints a duration (`5s`, `1m30s`, `1h0m0s`, `500ms`): log lines have it so. */
export function formatDuration(ms: number): string {
  if (ms < 1000) {
    if (ms === 0) return '0s'
    const ns = Math.round(ms * NS_PER_MS)
    if (ns < 1000) return `${ns}ns`
    return ns < NS_PER_MS ? `${ns / 1000}µs` : `${ns / NS_PER_MS}ms`
  }
  const hours = Math.floor(ms / 3_600_000)
  const minutes = Math.floor((ms % 3_600_000) / 60_000)
  const seconds = `${Math.round((ms % 60_000) * NS_PER_MS) / (1000 * NS_PER_MS)}s`
  if (hours > 0) return `${hours}h${minutes}m${seconds}`
  return minutes > 0 ? `${minutes}m${seconds}` : seconds
}
