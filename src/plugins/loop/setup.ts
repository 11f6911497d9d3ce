import type { Plugin, ProcessContext } from '../../server/plugin.ts'
import { nameServer } from '../servername.ts'
import { Loop, type LoopFinding } from './loop.ts'

export const loop: Plugin = {
  name: 'loop',
  repeatable: false,
  setup(cursor, block) {
    const mode = cursor.nextArg()
    if (mode && mode.text !== 'strict') {
      throw cursor.error('bad_argument', `'${mode.text}' is no way to deal with a loop`, 'strict, or nothing', mode)
    }
    cursor.end()
    cursor.noBlock()
    const { process, zones } = block
    const [zone] = zones
    let handler: Loop | undefined
    const report = ({ upstream, qname }: LoopFinding): void => {
      const to = upstream?.address ?? ''
      countLoop(process, nameServer(block), zone, to)
      if (mode) {
        const where = `(${nameServer(block).replace(/^dns:\/\//, '')} -> ${to})`
        const help = 'see https://coredns.io/plugins/loop#troubleshooting'
        process.fail(`plugin/loop: Loop ${where} detected for zone "${zone}", ${help}. Query: "HINFO ${qname}"`)
        return
      }
      upstream?.switchOff()
      if (!upstream)
        handler?.cut(new Error(`names that are not known here would be asked in a circle (zone "${zone}")`))
      process.log.error(`plugin/loop: ${explain(upstream, zone)}`)
    }
    return {
      handler(next) {
        handler = new Loop(next, block)
        return handler
      },
      activate() {
        void handler?.search(report)
      },
      stop() {
        handler?.stop()
        return Promise.resolve()
      },
    }
  },
}

/** One line: who it is, where that comes from, what follows, what to do. */
function explain(upstream: LoopFinding['upstream'], zone: string): string {
  if (!upstream) {
    const what = `what is asked for zone "${zone}" comes back to this server`
    return `${what}: all that it would have to forward is SERVFAIL; forward to a server that does not ask this one`
  }
  const { address, source } = upstream
  const origin = source === undefined ? 'in the Corefile' : `from ${source}`
  const remedy =
    source === undefined
      ? 'forward to another server'
      : `name another server there, or give kubelet the file of the real ones (--resolv-conf; with systemd-resolved /run/systemd/resolve/resolv.conf)`
  return `upstream ${address} (${origin}) hands questions for zone "${zone}" back to this server and is not asked any more; ${remedy}`
}

function countLoop({ metrics }: ProcessContext, server: string, zone: string, to: string): void {
  const help = 'Upstreams that handed questions back and are not asked any more; without to, all of the server block.'
  metrics.counter('kubezone_loop_detected_total', help, ['server', 'zone', 'to']).cell([server, zone, to]).inc()
}
