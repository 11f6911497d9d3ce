// The options of the `kubernetes` directive, as the Corefile gives them.

import { resolve } from 'node:path'
import type { Cursor } from '../../corefile/directive.ts'
import { CorefileError } from '../../corefile/error.ts'
import { parseZones } from '../../corefile/key.ts'
import type { Token } from '../../corefile/token.ts'
import type { RequestLimits } from '../../watch/limit.ts'
import { isReverseZone } from '../../wire/address.ts'
import { MAX_NAME_LENGTH } from '../../wire/constants.ts'
import { type WireName, parseName } from '../../wire/name.ts'
import type { PointerMode } from '../../records/options.ts'
import { NO_MAXIMUM } from './sample.ts'

export interface SnapshotOptions {
  readonly file: string
  readonly intervalMs: number
  /** Where the Corefile names the file. */
  readonly token: Token
}

export interface KubernetesOptions {
  /** Absolute, lower case. */
  zones: string[]
  endpoint: string | undefined
  tls: { cert: string; key: string; ca: string } | undefined
  kubeconfig: string | undefined
  context: string | undefined
  limits: { -readonly [name in keyof RequestLimits]: number }
  namespaces: Set<string> | undefined
  namespaceLabels: string | undefined
  labels: string | undefined
  pods: 'disabled' | 'insecure' | 'verified'
  endpointPodNames: boolean
  ttlSeconds: number
  /** Of the SOA, and so of answers that say no; `ttl` when undefined. */
  negativeTtlSeconds: number | undefined
  /** Of a set over UDP; NO_MAXIMUM for all. */
  maxAnswers: number
  ptr: PointerMode
  noEndpoints: boolean
  /** Zones whose missing names go to the next plugin; `.` is all. */
  fallthrough: string[]
  ignoreEmptyService: boolean
  /** Those of `zones` that are of a ClusterSet. */
  multicluster: string[]
  zonal: boolean
  topology: boolean
  startupTimeoutMs: number
  snapshot: SnapshotOptions | undefined
}

const POD_MODES = ['disabled', 'insecure', 'verified'] as const
const POINTER_MODES = ['all', 'headless', 'hostname'] as const satisfies readonly PointerMode[]
const MAX_TTL_SECONDS = 3600
/** CoreDNS lets nobody remember for longer that a name is not there (plugin/backend_lookup.go). */
const MAX_NEGATIVE_TTL_SECONDS = 300
/** What a message can hold of the smallest records. */
const MAX_ANSWERS = 4_096
/** How often a snapshot is written, if something has changed. */
const SNAPSHOT_MS = 30_000
const MIN_SNAPSHOT_MS = 1_000
const MAX_SNAPSHOT_MS = 86_400_000
/** The longest name that every zone has is `dns-version`. */
const MAX_ZONE_LENGTH = MAX_NAME_LENGTH - 'dns-version.'.length

/** What each property of the block does; the keys are the properties that there are. */
const PROPERTIES: Record<string, (line: Cursor, options: KubernetesOptions, directory: string) => void> = {
  endpoint(line, options) {
    options.endpoint = line.requireArg('the URL of an API server').text
    // CoreDNS took several once, and reads on over what is left of that.
    line.remainingArgs()
  },
  tls(line, options, directory) {
    if (line.args.length !== 3) throw line.argError('the files of certificate, key and CA: tls CERT KEY CA')
    const [cert, key, ca] = line.remainingArgs().map(({ text }) => resolve(directory, text))
    options.tls = { cert, key, ca }
  },
  kubeconfig(line, options, directory) {
    options.kubeconfig = resolve(directory, line.requireArg('the path of a kubeconfig file').text)
    options.context = line.nextArg()?.text
  },
  apiserver_qps(line, options) {
    const token = line.requireArg('requests a second')
    const qps = Number(token.text)
    if (!(qps >= 0)) throw line.error('bad_argument', `'${token.text}' is no rate`, 'a number of at least 0', token)
    options.limits.qps = qps
  },
  apiserver_burst(line, options) {
    options.limits.burst = line.integer(0)
  },
  apiserver_max_inflight(line, options) {
    options.limits.maxInflight = line.integer(0)
  },
  namespaces(line, options) {
    const first = line.requireArg('the name of a namespace')
    options.namespaces ??= new Set()
    for (const { text } of [first, ...line.remainingArgs()]) options.namespaces.add(text.toLowerCase())
  },
  namespace_labels(line, options) {
    options.namespaceLabels = readSelector(line)
  },
  labels(line, options) {
    options.labels = readSelector(line)
  },
  pods(line, options) {
    options.pods = readMode(line, POD_MODES, 'pod mode')
  },
  ptr(line, options) {
    options.ptr = readMode(line, POINTER_MODES, 'choice of endpoints')
  },
  endpoint_pod_names(_line, options) {
    options.endpointPodNames = true
  },
  ttl(line, options) {
    options.ttlSeconds = line.integer(0, MAX_TTL_SECONDS)
  },
  negative_ttl(line, options) {
    options.negativeTtlSeconds = line.integer(0, MAX_NEGATIVE_TTL_SECONDS)
  },
  max_answers(line, options) {
    options.maxAnswers = line.integer(1, MAX_ANSWERS)
  },
  noendpoints(_line, options) {
    options.noEndpoints = true
  },
  fallthrough(line, options) {
    const zones = line.zones()
    options.fallthrough = zones.length > 0 ? zones : ['.']
  },
  ignore(line, options) {
    const token = line.requireArg('empty_service')
    if (token.text !== 'empty_service') {
      throw line.error('bad_argument', `'${token.text}' cannot be ignored`, 'empty_service', token)
    }
    options.ignoreEmptyService = true
  },
  multicluster(line, options) {
    const first = line.requireArg('one or more of the zones of the plugin')
    for (const token of [first, ...line.remainingArgs()]) {
      for (const zone of parseZones(token)) {
        if (!options.zones.includes(zone)) {
          const known = `one of its zones: ${options.zones.join(' ')}`
          throw line.error('bad_zone', `multicluster zone '${zone}' is not a zone of the plugin`, known, token)
        }
        options.multicluster.push(zone)
      }
    }
  },
  zonal(_line, options) {
    options.zonal = true
  },
  topology(_line, options) {
    options.topology = true
  },
  startup_timeout(line, options) {
    options.startupTimeoutMs = line.durationMs(0)
  },
  snapshot(line, options, directory) {
    if (options.snapshot) throw line.error('bad_argument', 'snapshot is there twice', 'one file', line.name)
    const token = line.requireArg('the path of a file')
    const intervalMs = line.peek() ? line.durationMs(MIN_SNAPSHOT_MS, MAX_SNAPSHOT_MS) : SNAPSHOT_MS
    options.snapshot = { file: resolve(directory, token.text), intervalMs, token }
  },
}

/** Reads the directive. `zones` are those of the server block, for a directive that names none; `directory` is the Corefile's. */
export function readOptions(cursor: Cursor, zones: readonly string[], directory: string): KubernetesOptions {
  const own = cursor.zones()
  const options: KubernetesOptions = {
    zones: own.length > 0 ? own : [...zones],
    endpoint: undefined,
    tls: undefined,
    kubeconfig: undefined,
    context: undefined,
    limits: {},
    namespaces: undefined,
    namespaceLabels: undefined,
    labels: undefined,
    pods: 'disabled',
    endpointPodNames: false,
    ttlSeconds: 5,
    negativeTtlSeconds: undefined,
    maxAnswers: NO_MAXIMUM,
    ptr: 'all',
    noEndpoints: false,
    fallthrough: [],
    ignoreEmptyService: false,
    multicluster: [],
    zonal: false,
    topology: false,
    startupTimeoutMs: 5_000,
    snapshot: undefined,
  }
  for (const line of cursor.block()) {
    const property = Object.hasOwn(PROPERTIES, line.name.text) ? PROPERTIES[line.name.text] : undefined
    if (!property) throw line.unknown(Object.keys(PROPERTIES))
    property(line, options, directory)
    line.end()
    line.noBlock()
  }
  refuseTogether(cursor, 'namespace_labels', 'namespaces', '')
  refuseTogether(cursor, 'zonal', 'noendpoints', ', which leaves no endpoint to choose')
  refuseTogether(cursor, 'topology', 'noendpoints', ', which leaves no endpoint to prefer')
  refuseTogether(cursor, 'ptr', 'noendpoints', ', which leaves no endpoint to point to')
  refuseTogether(cursor, 'max_answers', 'noendpoints', ', which leaves no name with several')
  const long = options.zones.find(zone => parseName(zone)!.length > MAX_ZONE_LENGTH)
  if (long !== undefined) {
    const what = `zone '${long}' leaves no room for the names in it`
    throw new CorefileError('bad_zone', cursor.name, what, `at most ${MAX_ZONE_LENGTH} octets`)
  }
  if (options.zones.every(isReverseZone)) {
    const what = `${cursor.name.text} has only reverse zones (${options.zones.join(' ')})`
    throw new CorefileError(
      'bad_zone',
      cursor.name,
      what,
      'a zone for PTR records to point into, such as cluster.local',
    )
  }
  return options
}

/** Refuses the first of two properties where both are there; `why` stands behind the second. */
function refuseTogether(cursor: Cursor, first: string, second: string, why: string): void {
  const lines = cursor.block()
  const line = lines.find(({ name }) => name.text === first)
  if (!line || !lines.some(({ name }) => name.text === second)) return
  throw line.error('bad_argument', `${first} beside ${second}${why}`, 'one of the two', line.name)
}

function readMode<M extends string>(line: Cursor, modes: readonly M[], what: string): M {
  const known = `one of ${modes.join(', ')}`
  const token = line.requireArg(known)
  const mode = modes.find(name => name === token.text)
  if (mode === undefined) throw line.error('bad_argument', `'${token.text}' is no ${what}`, known, token)
  return mode
}

/** Zone names come from the Corefile's parser, which has checked them. */
export const toWire = (zone: string): WireName => parseName(zone)!

/** All that the names depend on beside what the API says. */
export function describeContent(options: KubernetesOptions): string {
  const { fallthrough: _, startupTimeoutMs: __, negativeTtlSeconds: ___, maxAnswers: ____, ...rest } = options
  const { tls: _____, limits: ______, snapshot: _______, namespaces, ...content } = rest
  return JSON.stringify({ ...content, namespaces: namespaces && [...namespaces].sort() })
}

const KEY = '[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?'
const VALUE = '([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?'
const REQUIREMENT = `\\s*(!?${KEY}|${KEY}\\s*(=|==|!=)\\s*${VALUE}|${KEY}\\s+(in|notin)\\s+\\(\\s*${VALUE}(\\s*,\\s*${VALUE})*\\s*\\))\\s*`
const SELECTOR = new RegExp(`^${REQUIREMENT}(,${REQUIREMENT})*$`)

/** A label selector as kubectl takes it: `environment in (staging, test),app!=web`. */
function readSelector(line: Cursor): string {
  const first = line.requireArg('a label selector')
  const text = [first, ...line.remainingArgs()].map(token => token.text).join(' ')
  if (!SELECTOR.test(text)) {
    const example = "a label selector such as 'app=web' or 'tier in (a, b),!legacy'"
    throw line.error('bad_argument', `'${text}' is no label selector`, example, first)
  }
  return text
}
