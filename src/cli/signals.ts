// How the process is asked to end. After caddy's sigtrap, which CoreDNS has its signals from.

import type { Logger } from 'pino'

export interface Signals {
  /** SIGTERM or SIGINT: answer what was received, then exit. A person who presses Ctrl-C waits for it, an orchestrator does not. */
  readonly graceful: Promise<'SIGTERM' | 'SIGINT'>
  /** SIGQUIT, or SIGTERM or SIGINT for the second time: exit with this code, whatever still runs. */
  readonly immediate: Promise<number>
}

/** From now on the process ends by itself only. SIGUSR1 asks for a reload. */
export function trapSignals(log: Logger, onReload: () => void): Signals {
  const graceful = Promise.withResolvers<'SIGTERM' | 'SIGINT'>()
  const immediate = Promise.withResolvers<number>()
  let isEnding = false
  const end = (signal: 'SIGTERM' | 'SIGINT', text: string): void => {
    log.info(`${signal}: ${isEnding ? 'Force quit' : text}`)
    if (isEnding) immediate.resolve(2)
    else graceful.resolve(signal)
    isEnding = true
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
