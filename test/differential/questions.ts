// Questions about a cluster: names that it has, names that are one label off, and names that nobody has.

import type { ApiObject } from '../../src/fakeapi/object.ts'
import type { EndpointSlice } from '../../src/fakeapi/shapes.ts'
import { EXTERNAL, HOSTNAMES, NAMESPACES, PORT_NAMES, SERVICES, TOPOLOGY_ZONES, V4, V6 } from './cluster.ts'

export interface Question {
  readonly name: string
  readonly type: string
}

const QTYPES = [
  'A',
  'A',
  'A',
  'A',
  'AAAA',
  'AAAA',
  'AAAA',
  'SRV',
  'SRV',
  'SRV',
  'PTR',
  'TXT',
  'SOA',
  'CNAME',
  'MX',
  'ANY',
] as const
const ZONE = 'cluster.local.'
export const OUTSIDE = 'example.org.'

/** The same numbers for the same seed (mulberry32). */
export function makeRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

const dashed = (address: string): string => address.replaceAll(/[.:]/g, '-')

export function reverse(address: string): string {
  if (!address.includes(':')) return `${address.split('.').toReversed().join('.')}.in-addr.arpa.`
  const [before, after = ''] = address.split('::')
  const left = before.split(':').filter(Boolean)
  const right = after.split(':').filter(Boolean)
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right]
  const nibbles = groups.map(group => group.padStart(4, '0')).join('')
  return `${nibbles.split('').toReversed().join('.')}.ip6.arpa.`
}

const CLUSTER_IPS = ['10.96.0.20', '10.96.0.21', '10.96.7.1', 'fd00:10:96::14', 'fd00:10:96::15']

/** All that an object may have. */
export const ADDRESSES: readonly string[] = [...new Set([...V4, ...V6, ...CLUSTER_IPS, ...EXTERNAL])]

/** One question; most are near to something that is there, the others to what may be there. */
export function makeQuestion(random: () => number, objects: readonly ApiObject[]): Question {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
  const services = objects.filter(({ kind }) => kind === 'Service' || kind === 'EndpointSlice')
  const known = services.length > 0 && random() < 0.8 ? pick(services).metadata : undefined
  const space = known?.namespace ?? pick([...NAMESPACES, 'nowhere'])
  const service = known?.labels?.['kubernetes.io/service-name'] ?? known?.name ?? pick([...SERVICES, 'missing'])
  const slices = objects.filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service)
  const labels = slices.flatMap(slice =>
    ((slice as EndpointSlice).endpoints ?? []).map(({ hostname, addresses }) => hostname ?? dashed(addresses[0])),
  )
  const endpoint = pick([...labels, ...labels, ...HOSTNAMES, ...[...V4, ...V6].map(dashed), 'web-9'])
  const port = pick([...PORT_NAMES, 'nothing'])
  const protocol = pick(['tcp', 'tcp', 'udp', 'sctp', 'x'])
  const of = `${service}.${space}.svc.${ZONE}`
  const makers: readonly (() => string)[] = [
    () => of,
    () => of,
    () => of,
    () => `_${port}._${protocol}.${of}`,
    () => `_${port}._${protocol}.${of}`,
    () => `${port}.${protocol}.${of}`,
    () => `_${protocol}.${of}`,
    () => `${endpoint}.${of}`,
    () => `${endpoint}.${of}`,
    () => `_${port}._${protocol}.${endpoint}.${of}`,
    () => `more.${endpoint}.${of}`,
    () => `${pick([...TOPOLOGY_ZONES, 'example', 'nowhere'])}.${pick(['pin', 'prefer', 'other'])}._zone.${of}`,
    () => `${pick(['pin.', 'prefer.', 'other.', ''])}_zone.${of}`,
    () => `${dashed(pick([...V4, ...V6]))}.${space}.pod.${ZONE}`,
    () => `${pick(['x', '1-2-3', '999-1-1-1', 'more.10-0-0-1'])}.${space}.pod.${ZONE}`,
    () => `${space}.${pick(['svc', 'pod', 'other'])}.${ZONE}`,
    () => `${pick(['svc.', 'pod.', 'dns.', 'ns.dns.', 'dns-version.', 'x.dns.', 'other.', ''])}${ZONE}`,
    () => `${service}.${space}.${pick(['other', 'svc.svc', 'pod'])}.${ZONE}`,
    () => reverse(pick([...V4, ...V6, ...CLUSTER_IPS, '10.9.9.9', 'fd00::9'])),
    () => reverse(pick([...V4, ...V6, ...CLUSTER_IPS])),
    () =>
      reverse(pick([...V4, ...CLUSTER_IPS]))
        .split('.')
        .slice(Math.floor(random() * 4))
        .join('.'),
    () => `1.${reverse(pick([...V4, ...CLUSTER_IPS]))}`,
  ]
  const name = pick(makers)()
  const isMixed = random() < 0.2
  const spelled = isMixed ? name.replaceAll(/[a-z]/g, letter => (random() < 0.5 ? letter.toUpperCase() : letter)) : name
  return { name: spelled, type: name.endsWith('.arpa.') && random() < 0.6 ? 'PTR' : pick(QTYPES) }
}

/** Mostly the question about the name that the same has outside. */
export function fromOutside(random: () => number, { name, type }: Question): Question {
  const [address, kind] = [EXTERNAL[Math.floor(random() * EXTERNAL.length)], random()]
  if (name.toLowerCase().endsWith('.arpa.')) return { name: kind < 0.7 ? reverse(address) : name, type }
  if (kind < 0.1) return { name, type }
  if (kind < 0.2)
    return { name: `${['', 'dns.', 'ns1.dns.', 'x.dns.', 'x.ns1.dns.'][Math.floor(random() * 5)]}${OUTSIDE}`, type }
  return { name: name.replace(/(?:[.]svc|[.]pod)?[.]cluster[.]local[.]$/i, `.${OUTSIDE}`), type }
}

/** The search path of a Pod in `default`; a node's has nothing that would be there. */
export const FIRST_SUFFIX = `default.svc.${ZONE}`
const SEARCH_PATH = [FIRST_SUFFIX, `svc.${ZONE}`, ZONE, '']

/** Mostly the question as a Pod asks it that has left off a part of the name, or nothing. */
export function searched(random: () => number, { name, type }: Question): Question {
  if (random() < 0.3) return { name, type }
  const lowered = name.toLowerCase()
  const suffix = SEARCH_PATH.find(ending => ending !== '' && lowered.endsWith(`.${ending}`)) ?? ''
  const isWhole = random() < 0.2
  const base = isWhole ? name : name.slice(0, name.length - suffix.length)
  return { name: `${base}${FIRST_SUFFIX}`, type }
}

/** The names that a walk looks for, the one that is asked for among them. */
export function listWalk(name: string): string[] {
  if (!name.toLowerCase().endsWith(`.${FIRST_SUFFIX}`)) return []
  return SEARCH_PATH.map(suffix => name.slice(0, name.length - FIRST_SUFFIX.length) + suffix)
}
