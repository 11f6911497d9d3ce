// How the process is asked to end. After caddy's sigtrap, which CoreDNS has its signals from.

import type { Logger } from 'pino'

export interface Signals {
  /** SIGTERM or SIGINT: answer what was received, then exit. A person who presses Ctrl-C waits for it, an orchestrator does not. */
  readonly graceful: Promise<'SIGTERM' | 'SIGINT'>
  /** SIGQUIT, or SIGTERM or SIGINT for the second time, not as an echo of the first: exit with this code, whatever still runs. */
  readonly immediate: Promise<number>
}

/**
 * Two of one kind that are closer than this were sent by one wish: `timeout` and npm send a signal to their child and then to the group that it is in, and a
 * terminal sends one to all of them.
 */
const ECHO_MS = 100

/** From now on the process ends by itself only. SIGUSR1 asks for a reload. `now` counts milliseconds. */
export function trapSignals(log: Logger, onReload: () => void, now: () => number = () => performance.now()): Signals {
  const graceful = Promise.withResolvers<'SIGTERM' | 'SIGINT'>()
  const immediate = Promise.withResolvers<number>()
  let first: { signal: 'SIGTERM' | 'SIGINT'; atMs: number } | undefined
  const end = (signal: 'SIGTERM' | 'SIGINT', text: string): void => {
    if (first === undefined) {
      first = { signal, atMs: now() }
      log.info(`${signal}: ${text}`)
      graceful.resolve(signal)
    } else if (signal !== first.signal || now() - first.atMs >= ECHO_MS) {
      log.info(`${signal}: Force quit`)
      immediate.resolve(2)
    }
  }
  process.on('SIGTERM', () => end('SIGTERM', 'Shutting down servers then terminating'))
  process.on('SIGINT', () => end('SIGINT', 'Shutting down'))
  process.on('SIGQUIT', () => {
    log.info('SIGQUIT: Quitting process immediately')
    immediate.resolve(0)
  })
  process.on('SIGHUP', () => {})
  process.on('SIGUSR1', () => {
    log.info('SIGUSR1: Reloading')
    onReload()
  })
  // Without a listener Node would end.
  process.on('SIGUSR2', () => log.warn('SIGUSR2: this version does not replace itself; restart it'))
  return { graceful: graceful.promise, immediate: immediate.promise }
}
