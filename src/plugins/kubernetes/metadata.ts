// What a question's name says, part by part, for `metadata` (CoreDNS plugin/kubernetes/metadata.go, parse.go).

import type { Metadata } from '../../server/metadata.ts'
import { type WireName, formatName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { NO_ZONE, Origins } from '../../zones/origins.ts'

interface NameParts {
  /** `svc` or `pod`. */
  readonly kind?: string
  readonly namespace?: string
  readonly service?: string
  readonly endpoint?: string
  /** Of a zone that is of a ClusterSet. */
  readonly cluster?: string
  readonly protocol?: string
  readonly port?: string
  /** The topology zone that a name of `zonal` chooses. */
  readonly zone?: string
}

const PARTS: Readonly<Record<string, keyof NameParts>> = {
  'kubernetes/kind': 'kind',
  'kubernetes/namespace': 'namespace',
  'kubernetes/service': 'service',
  'kubernetes/endpoint': 'endpoint',
  'kubernetes/cluster': 'cluster',
  'kubernetes/protocol': 'protocol',
  'kubernetes/port-name': 'port',
  'kubernetes/zone': 'zone',
}
const PARSE_ERROR = 'kubernetes/parse-error'

/** How the labels of the plugin are read, for its zones and those of them that are of a ClusterSet; undefined for a label that it has not. */
export function nameMetadata(
  zones: readonly WireName[],
  clusterSets: readonly WireName[],
  isZonal: boolean,
): (label: string) => Metadata | undefined {
  const origins = new Origins(zones)
  const clusterOrigins = new Origins(clusterSets)
  const parse = (query: Query): NameParts | 'invalid' | undefined => {
    const zoneAt = origins.match(query)
    if (zoneAt === NO_ZONE) return undefined
    const isMulticluster = clusterOrigins.match(query) === zoneAt
    return parseName(listLabels(query, zoneAt), isMulticluster, isZonal && !isMulticluster)
  }
  return label => {
    if (label === PARSE_ERROR) return query => (parse(query) === 'invalid' ? 'invalid query name' : undefined)
    if (!Object.hasOwn(PARTS, label)) return undefined
    const part = PARTS[label]
    return query => {
      const parts = parse(query)
      if (parts === undefined || parts === 'invalid') return undefined
      // A name that could have the part, and has not, is told apart from one that is none of the plugin's.
      return parts[part] ?? (part === 'cluster' || (part === 'zone' && !isZonal) ? undefined : '')
    }
  }
}

/** The labels in front of the zone, the nearest first. */
function listLabels({ name, labels, labelCount }: Query, zoneAt: number): string[] {
  const found: string[] = []
  for (let i = 0; i < labelCount && labels[i] < zoneAt; i++) {
    const from = labels[i]
    found.unshift(formatName(Uint8Array.of(...name.subarray(from, from + name[from] + 1), 0)).slice(0, -1))
  }
  return found
}

function parseName(labels: readonly string[], isMulticluster: boolean, isZonal: boolean): NameParts | 'invalid' {
  const [kind, namespace, service, second, first, ...more] = labels
  if (kind === undefined || (labels.length === 1 && isKind(kind))) return {}
  if (!isKind(kind)) return 'invalid'
  const common = { kind, namespace, service }
  if (more.length > 0) {
    const isChosen = isZonal && kind === 'svc' && second === '_zone' && (first === 'pin' || first === 'prefer')
    return isChosen ? { ...common, zone: more.toReversed().join('.') } : 'invalid'
  }
  if (first === undefined) return { ...common, endpoint: second }
  if (isMulticluster && !first.startsWith('_') && !second.startsWith('_')) {
    return { ...common, cluster: second, endpoint: first }
  }
  return { ...common, protocol: second.replace(/^_/, ''), port: first.replace(/^_/, '') }
}

const isKind = (label: string): boolean => label === 'svc' || label === 'pod'
