// How the process is asked to end. After caddy's sigtrap, which CoreDNS has its signals from.

import type { Logger } from 'pino'

export interface Signals {
  /** SIGTERM or SIGINT: answer what was received, then exit. */
  readonly graceful: Promise<void>
  /** SIGQUIT, or SIGINT for the second time: exit with this code, whatever still runs. */
  readonly immediate: Promise<number>
}

/**
 * From now on the process ends by itself only. Signals after the first that ends it do not cut its last answers short, but for a second SIGINT and
 * SIGQUIT. SIGUSR1 asks for a reload.
 */
export function trapSignals(log: Logger, onReload: () => void): Signals {
  const graceful = Promise.withResolvers<void>()
  const immediate = Promise.withResolvers<number>()
  let interrupts = 0
  process.on('SIGTERM', () => {
    log.info('SIGTERM: Shutting down servers then terminating')
    graceful.resolve()
  })
  process.on('SIGINT', () => {
    if (++interrupts > 1) {
      log.info('SIGINT: Force quit')
      immediate.resolve(2)
      return
    }
    log.info('SIGINT: Shutting down')
    graceful.resolve()
  })
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
