import type { Block, Plugin, ProcessContext } from '../../server/plugin.ts'
import { nameServer } from '../servername.ts'
import { Loop } from './loop.ts'
import { type LoopFinding, LoopSearch } from './search.ts'
import { Wanted } from './wanted.ts'

/** On the board: what is looked for; addresses of the upstreams that were found; why nothing may be forwarded at all. */
const WANTED = 'loop/wanted'
const LOOPING = 'loop/looping'
const CUT = 'loop/cut'

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
    const [zone] = block.zones
    let handler: Loop | undefined
    return {
      handler(next) {
        handler = new Loop(next, block)
        return handler
      },
      async start() {
        block.board.follow(WANTED, (buffer: SharedArrayBuffer) => {
          if (handler) handler.wanted = new Wanted(buffer)
        })
        block.board.follow(LOOPING, (addresses: readonly string[]) => switchOff(block, addresses))
        block.board.follow(CUT, (reason: string) => handler?.cut(new Error(reason)))
      },
      control(process) {
        const wanted = new Wanted()
        const search = new LoopSearch(block, wanted)
        const looping: string[] = []
        const report = ({ upstream, qname }: LoopFinding): void => {
          const to = upstream?.address ?? ''
          countLoop(process, nameServer(block), zone, to)
          if (mode) {
            const where = `(${nameServer(block).replace(/^dns:\/\//, '')} -> ${to})`
            const help = 'see https://coredns.io/plugins/loop#troubleshooting'
            process.fail(`plugin/loop: Loop ${where} detected for zone "${zone}", ${help}. Query: "HINFO ${qname}"`)
            return
          }
          if (upstream) {
            looping.push(upstream.address)
            void block.board.post(LOOPING, [...looping])
          } else void block.board.post(CUT, `names that are not known here would be asked in a circle (zone "${zone}")`)
          process.log.error(`plugin/loop: ${explain(upstream, zone)}`)
        }
        return {
          start: () => block.board.post(WANTED, wanted.buffer),
          activate() {
            void search.run(report)
          },
          stop() {
            search.stop()
            return Promise.resolve()
          },
        }
      },
    }
  },
}

/** In each thread. */
function switchOff({ instances }: Block, addresses: readonly string[]): void {
  for (const upstream of instances.flatMap(({ instance }) => instance.upstreams ?? [])) {
    if (addresses.includes(upstream.address)) upstream.switchOff()
  }
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
