import type { Cursor } from '../../corefile/directive.ts'
import { parseAddress } from '../../corefile/value.ts'
import { CONTENT_TYPE } from '../../metrics/exposition.ts'
import { registerProcessMetrics } from '../../metrics/process.ts'
import type { Registry } from '../../metrics/registry.ts'
import type { HttpEndpoint } from '../../server/http.ts'
import type { Block, Plugin, ProcessContext } from '../../server/plugin.ts'
import { nameServer } from '../servername.ts'
import { Prometheus, definePanics } from './prometheus.ts'

const DEFAULT_ADDRESS = 'localhost:9153'

export const prometheus: Plugin = {
  name: 'prometheus',
  repeatable: false,
  setup(cursor, block) {
    const token = cursor.nextArg()
    if (token) parseAddress(token)
    cursor.end()
    const address = token?.text ?? DEFAULT_ADDRESS
    for (const property of cursor.block()) readProperty(property)
    return {
      handler: next => new Prometheus(next, block),
      control(process) {
        const { http, metrics } = process
        const releases: (() => void)[] = []
        let endpoint: HttpEndpoint | undefined
        return {
          async start() {
            showBuild(process)
            definePanics(metrics).cell()
            releases.push(holdProcessMetrics(metrics))
            endpoint = await http.open(address, '/metrics', (_, response) => {
              response.setHeader('content-type', CONTENT_TYPE).end(metrics.render())
            })
          },
          activate() {
            releases.push(...showPlugins(block))
          },
          async stop() {
            for (const release of releases.splice(0)) release()
            await endpoint?.close()
          },
        }
      },
    }
  },
}

function readProperty(property: Cursor): void {
  switch (property.name.text) {
    case 'runtime_metrics':
      // What Node tells about itself is always shown.
      property.end()
      property.noBlock()
      break
    case 'tls':
      throw property.error('unknown_property', 'metrics over TLS are not supported', 'no tls', property.name)
    default:
      throw property.unknown(['runtime_metrics'])
  }
}

function showBuild({ metrics, version }: ProcessContext): void {
  const help = "A metric with a constant '1' value labeled by version, revision, and goversion (here: of Node.js)."
  metrics
    .gauge('coredns_build_info', help, ['version', 'revision', 'goversion'])
    .track([version, '', process.version], () => 1)
}

/** As in CoreDNS, only what takes part in answering is shown: not `bind`, `health`, `ready`. */
function showPlugins(block: Block): (() => void)[] {
  const help = 'A metric that indicates whether a plugin is enabled on per server and zone basis.'
  const family = block.process.metrics.gauge('coredns_plugin_enabled', help, ['server', 'zone', 'view', 'name'])
  const server = nameServer(block)
  const series = block.zones.flatMap(zone =>
    block.instances.filter(({ instance }) => 'handler' in instance).map(({ name }) => [server, zone, '', name]),
  )
  return series.map(labels => family.track(labels, () => 1))
}

interface Hold {
  count: number
  readonly stop: () => void
}
const holds = new WeakMap<Registry, Hold>()

/** The process is measured once, as long as any block shows it. */
function holdProcessMetrics(metrics: Registry): () => void {
  const hold = holds.get(metrics) ?? { count: 0, stop: registerProcessMetrics(metrics) }
  hold.count++
  holds.set(metrics, hold)
  return () => {
    if (--hold.count > 0) return
    hold.stop()
    holds.delete(metrics)
  }
}
