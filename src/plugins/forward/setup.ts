import type { Cursor } from '../../corefile/directive.ts'
import { parseKey } from '../../corefile/key.ts'
import type { Token } from '../../corefile/token.ts'
import type { Registry } from '../../metrics/registry.ts'
import { type Block, type Plugin, type Upstream, joinChain } from '../../server/plugin.ts'
import { openDatagrams, type OpenDatagrams } from '../../upstream/datagram.ts'
import { type Endpoint, endpointKey } from '../../upstream/endpoint.ts'
import { defineUpstream } from '../../upstream/metrics.ts'
import { Wheel } from '../../upstream/wheel.ts'
import { chooseDatagrams } from './datagrams.ts'
import { Forward, type ForwardContext, type ForwardCounts } from './forward.ts'
import { resolveTarget } from './hostname.ts'
import { type Properties, makeSecureContext, readOrigin, readProperties } from './options.ts'
import { ResolvConf } from './resolvconf.ts'
import { DNS_PORT, type NameTarget, parseTarget } from './target.ts'

const NAME = 'forward'
/** CoreDNS's bound; files and names may stand for more servers. */
const MAX_TARGETS = 15
const TARGETS = 'FROM TO…, such as: forward . /etc/resolv.conf'

/** Where endpoints come from, in the order of the Corefile. */
type Source = { readonly endpoints: readonly Endpoint[] } | ResolvConf | NameTarget

export const forward: Plugin = {
  name: NAME,
  repeatable: true,
  setup(cursor, block) {
    const { notices, metrics } = block.process
    // A reverse zone may be several; a port is of no meaning here.
    const origins = parseKey(cursor.requireArg(TARGETS), DNS_PORT).map(({ zone }) => readOrigin(zone))
    const properties = readProperties(cursor, block.directory)
    const sources = readSources(cursor, block, properties)
    const named = new Map<NameTarget, readonly Endpoint[]>()
    let handler: Forward | undefined
    // Until the start has chosen.
    let open = openDatagrams
    const update = (): void => handler?.setEndpoints(listEndpoints(sources, named))
    const files = sources.filter(source => source instanceof ResolvConf)
    return {
      otherClasses: true,
      get upstreams() {
        return handler ? describeUpstreams(handler, files) : []
      },
      metadata: label => (label === 'forward/upstream' ? (_, reply) => reply?.upstream || undefined : undefined),
      handler(next) {
        handler = new Forward(
          next,
          { ...properties, origins },
          {
            ...makeContext(properties, metrics, hasTls(sources), (...args) => open(...args)),
            author: joinChain(block, NAME),
          },
        )
        update()
        return handler
      },
      async start() {
        open = await chooseDatagrams(notices)
        for (const source of sources) {
          if ('kind' in source) named.set(source, await resolveTarget(source, properties.resolvers))
        }
        // The server may have been told to stop in the meantime.
        if (handler?.isStopped) return
        update()
        for (const file of files) {
          const onChange = (): void => {
            update()
            const servers = handler?.upstreams.map(({ to }) => to).join(', ')
            notices.info(`plugin/forward: ${file.path} has changed; now asked: ${servers}`)
          }
          file.watch(onChange, what => notices.warn(`plugin/forward: ${what}`))
        }
      },
      stop() {
        for (const file of files) file.stop()
        handler?.stop()
        return Promise.resolve()
      },
    }
  },
}

function readSources(cursor: Cursor, block: Block, properties: Properties): Source[] {
  const tokens = cursor.remainingArgs()
  if (tokens.length === 0) throw cursor.expected(TARGETS)
  if (tokens.length > MAX_TARGETS) {
    const what = `${tokens.length} servers are too many`
    throw cursor.error('bad_argument', what, `at most ${MAX_TARGETS}`, tokens[MAX_TARGETS])
  }
  const sources = tokens.map((token): Source => {
    const target = parseTarget(cursor, token, block.directory)
    if (target.kind === 'file') {
      try {
        return new ResolvConf(target.path)
      } catch (error) {
        throw cursor.error('bad_argument', (error as Error).message, 'a file such as /etc/resolv.conf', token)
      }
    }
    if (target.kind === 'server') return { endpoints: [nameServer(cursor, token, target.endpoint, properties)] }
    return nameServer(cursor, token, target, properties)
  })
  if (sources.every(source => 'endpoints' in source && source.endpoints.length === 0)) {
    throw cursor.error(
      'bad_argument',
      'nobody to forward to',
      'a file with a line such as: nameserver 10.0.0.10',
      tokens[0],
    )
  }
  return sources
}

/** For `loop`. */
function describeUpstreams(handler: Forward, files: readonly ResolvConf[]): Upstream[] {
  return handler.upstreams.map(upstream => ({
    address: upstream.to,
    source: files.find(({ endpoints }) => endpoints.some(endpoint => endpointKey(endpoint) === upstream.key))?.path,
    ask: (query, reply) => handler.ask(upstream, query, reply),
    switchOff: () => handler.switchOff(upstream),
  }))
}

/** The name that the certificate of a TLS server must have comes from `%NAME` or from `tls_servername`. */
function nameServer<T extends Endpoint | NameTarget>(cursor: Cursor, token: Token, part: T, properties: Properties): T {
  if (part.scheme === 'dns' || properties.serverName === undefined) return part
  if (part.serverName !== undefined) {
    throw cursor.error('bad_argument', `a server name in '${token.text}' and tls_servername`, 'one of them', token)
  }
  return { ...part, serverName: properties.serverName }
}

/** Every endpoint once, where it stands first. */
function listEndpoints(sources: readonly Source[], named: ReadonlyMap<NameTarget, readonly Endpoint[]>): Endpoint[] {
  const all = sources.flatMap(source => ('kind' in source ? (named.get(source) ?? []) : source.endpoints))
  return [...new Map(all.map(endpoint => [endpointKey(endpoint), endpoint])).values()]
}

const hasTls = (sources: readonly Source[]): boolean =>
  sources.some(source =>
    'kind' in source ? source.scheme !== 'dns' : source.endpoints.some(({ scheme }) => scheme !== 'dns'),
  )

function makeContext(
  properties: Properties,
  metrics: Registry,
  isTls: boolean,
  openDatagrams: OpenDatagrams,
): Omit<ForwardContext, 'author'> {
  const { expireMs, maxAgeMs, maxIdle, forceTcp, source, dohMethod } = properties
  return {
    counts: defineCounts(metrics),
    families: defineUpstream(metrics),
    upstreamOptions: {
      name: NAME,
      wheel: new Wheel(),
      openDatagrams,
      expireMs,
      maxAgeMs,
      maxIdle,
      forceTcp,
      source,
      dohMethod,
      secureContext: isTls ? makeSecureContext(properties.tls) : undefined,
      health: {
        intervalMs: properties.healthIntervalMs,
        recursionDesired: properties.healthRecursionDesired,
        domain: properties.healthDomain,
      },
    },
  }
}

function defineCounts(metrics: Registry): ForwardCounts {
  return {
    broken: metrics
      .counter(
        'coredns_forward_healthcheck_broken_total',
        'Counter of the number of complete failures of the healthchecks.',
      )
      .cell(),
    rejects: metrics
      .counter(
        'coredns_forward_max_concurrent_rejects_total',
        'Counter of the number of queries rejected because the concurrent queries were at maximum.',
      )
      .cell(),
  }
}
