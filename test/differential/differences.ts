// Where kubezone answers otherwise than CoreDNS on purpose: the rules of docs/differences.md. Each says exactly which pairs of answers it is about,
// and finds out from CoreDNS's other answers whether what it claims is so.

import type { ApiObject } from '../../src/fakeapi/object.ts'
import type { Answer } from '../site/zonefile.ts'
import { FIRST_SUFFIX, OUTSIDE, type Question, reverse } from './questions.ts'
import { PORT_NAMES } from './cluster.ts'

export interface Pair {
  /** Name in lower case. */
  readonly question: Question
  readonly ours: Answer
  readonly theirs: Answer
  /** The cluster. */
  readonly objects: readonly ApiObject[]
  /** All that may have a PTR record. */
  readonly addresses: readonly string[]
  /** Asks CoreDNS. */
  readonly ask: (name: string, type: string) => Promise<Answer>
}

export interface Difference {
  /** As in docs/differences.md. */
  readonly rule: string
  readonly explains: (pair: Pair) => boolean | Promise<boolean>
}

const ZONE = 'cluster.local.'

const isEmpty = ({ answer }: Answer): boolean => answer.length === 0
const isNodata = (found: Answer): boolean => found.rcode === 'NOERROR' && isEmpty(found)
const isNxdomain = ({ rcode }: Answer): boolean => rcode === 'NXDOMAIN'
/** As if nothing shared the weight with this record. */
const withWholeWeight = (line: string): string => line.replace(/ in srv 0 \d+ /, ' in srv 0 100 ')

/** Whether one of the names has an answer for one of the types. */
async function hasAny(names: readonly string[], types: readonly string[], ask: Pair['ask']): Promise<boolean> {
  for (const name of names) for (const type of types) if (!isEmpty(await ask(name, type))) return true
  return false
}

interface OutsideService {
  readonly spec: { readonly clusterIP?: string; readonly externalIPs?: readonly string[] }
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { hostname?: string }[] } }
}

/** The Service that a name outside of the cluster is of, if it is there, and the labels before it. */
function findOutside(
  name: string,
  objects: readonly ApiObject[],
): { service?: OutsideService; before: string[] } | undefined {
  if (!name.endsWith(`.${OUTSIDE}`)) return undefined
  const [namespace, called, ...before] = name
    .slice(0, -OUTSIDE.length - 1)
    .split('.')
    .toReversed()
  const service = objects.find(
    ({ kind, metadata }) => kind === 'Service' && metadata.name === called && metadata.namespace === namespace,
  )
  return { service: service as OutsideService | undefined, before }
}

export const DIFFERENCES: readonly Difference[] = [
  {
    // RFC 2308 section 2, RFC 8020: NXDOMAIN would deny what is below, and the other types at the name.
    rule: 'name-exists',
    async explains({ question: { name, type }, ours, theirs, addresses, ask }) {
      if (!isNodata(ours) || !isNxdomain(theirs) || ours.ns.join() !== theirs.ns.join()) return false
      if (['ns.dns.', 'dns.', 'dns-version.', 'svc.', ''].some(label => name === `${label}${ZONE}`)) return true
      if (name.endsWith('.arpa.')) {
        return hasAny(
          addresses.map(reverse).filter(known => `.${known}`.endsWith(`.${name}`)),
          ['PTR'],
          ask,
        )
      }
      // With `zonal`: any zone may be asked for below a headless Service, whether it has endpoints or not.
      const service = name.replace(/^((pin|prefer)\.)?_zone\./, '')
      if (isNodata(await ask(`nowhere.pin._zone.${service}`, 'A'))) return true
      // TXT of a namespace, and `_tcp` of a Service.
      if (type === 'TXT' && isNodata(await ask(name, 'A'))) return true
      return hasAny(
        PORT_NAMES.map(port => `_${port}.${name}`),
        ['A', 'AAAA'],
        ask,
      )
    },
  },
  {
    // RFC 8020: no type makes a name exist.
    rule: 'soa-below-apex',
    explains: async ({ question: { name, type }, ours, theirs, ask }) =>
      type === 'SOA' && isNxdomain(ours) && isNodata(theirs) && isNxdomain(await ask(name, 'A')),
  },
  {
    // With `bind`, CoreDNS finds no address of its own.
    rule: 'own-address',
    explains: ({ question: { name, type }, ours, theirs }) =>
      (name === `ns.dns.${ZONE}` || name === `ns1.dns.${OUTSIDE}` || (name === ZONE && type === 'NS')) &&
      ours.rcode === 'NOERROR' &&
      ours.answer.length > 0 &&
      isEmpty(theirs),
  },
  {
    // 32 nibbles are an address (RFC 3596 section 2.5); CoreDNS takes no notice of the ones before.
    rule: 'reverse-too-long',
    explains: ({ question: { name }, ours }) =>
      name.endsWith('.ip6.arpa.') && name.split('.').length > 35 && isNxdomain(ours),
  },
  {
    // Several Services with one address: CoreDNS names one as the order of a map has it.
    rule: 'ptr-first-by-name',
    async explains({ question: { name, type }, ours, theirs, objects, addresses, ask }) {
      const address = addresses.find(known => reverse(known) === name)
      if (type !== 'PTR' || address === undefined || ours.answer.length !== 1 || theirs.answer.length !== 1)
        return false
      const target = ours.answer[0].split(' ').at(-1)!
      // The name of a Service without endpoints may be left out, and its address is still its own.
      const isOwner = ({ metadata, spec }: ApiObject): boolean =>
        target === `${metadata.name}.${metadata.namespace}.svc.${ZONE}` &&
        (spec as { clusterIPs?: string[] } | undefined)?.clusterIPs?.includes(address) === true
      if (objects.some(isOwner)) return true
      const { answer } = await ask(target, address.includes(':') ? 'AAAA' : 'A')
      return answer.some(line => line.endsWith(` ${address}`))
    },
  },
  {
    // The weight of an SRV record counts addresses; CoreDNS counts the Pods that have this one, on the network of a node.
    rule: 'pod-weight',
    explains({ question: { name, type }, ours, theirs, objects }) {
      const [namespace, dashed] = name.slice(0, -`.pod.${ZONE}`.length).split('.').toReversed()
      if (type !== 'SRV' || !name.endsWith(`.pod.${ZONE}`) || dashed === undefined) return false
      const pods = objects.filter(({ kind, metadata, status }) => {
        const { podIPs = [] } = (status ?? {}) as { podIPs?: { ip: string }[] }
        return (
          kind === 'Pod' &&
          metadata.namespace === namespace &&
          podIPs.some(({ ip }) => ip.replaceAll(/[.:]/g, '-') === dashed)
        )
      })
      return pods.length > 1 && JSON.stringify(ours.answer) === JSON.stringify(theirs.answer.map(withWholeWeight))
    },
  },
  {
    // With `zonal`; the API does not forbid it, and no address is at two nodes.
    rule: 'address-in-two-zones',
    explains({ question: { name }, ours, theirs, objects }) {
      const [, service, namespace] = /(?:pin|prefer)\._zone\.([^.]+)\.([^.]+)\.svc\.cluster\.local\.$/.exec(name) ?? []
      if (service === undefined || ours.rcode !== 'NOERROR' || theirs.rcode !== 'NOERROR') return false
      const zones = new Map<string, Set<unknown>>()
      for (const { kind, metadata, endpoints } of objects) {
        if (kind !== 'EndpointSlice' || metadata.namespace !== namespace) continue
        if (metadata.labels?.['kubernetes.io/service-name'] !== service) continue
        for (const { addresses, zone } of endpoints as { addresses: string[]; zone?: string }[]) {
          for (const address of addresses) zones.set(address, (zones.get(address) ?? new Set()).add(zone))
        }
      }
      return [...zones.values()].some(({ size }) => size > 1)
    },
  },
  {
    // Below a Service with external addresses is nothing but its ports; CoreDNS takes any one label for it, and with `headless` for an endpoint.
    rule: 'external-labels',
    explains({ question: { name }, ours, theirs, objects }) {
      const { service, before = [] } = findOutside(name, objects) ?? {}
      if (!isEmpty(ours) || isNxdomain(theirs) || before.length !== 1) return false
      const { clusterIP, externalIPs = [] } = service?.spec ?? {}
      return clusterIP !== 'None' || externalIPs.length > 0
    },
  },
  {
    // A name has one CNAME, whatever it is asked for, and nothing beside it but, as in CoreDNS, SRV (RFC 1034 section 3.6.2). The load balancer's
    // addresses are for who asks for them.
    rule: 'external-alias',
    explains({ question: { name, type }, ours, theirs, objects }) {
      const { service } = findOutside(name, objects) ?? {}
      const hosts = service?.status?.loadBalancer?.ingress?.flatMap(({ hostname }) => hostname ?? []) ?? []
      if (service === undefined || hosts.length === 0) return false
      const isAlias = ours.answer.some(line => line.startsWith(`${name} 5 in cname `))
      if (isAlias) return !['A', 'AAAA', 'SRV'].includes(type) && isNodata(theirs)
      const isOfHost = (line: string): boolean => hosts.some(host => line.endsWith(` ${host}.`))
      if (type === 'SRV' && service.spec.externalIPs?.length === 0) return ours.answer.join() === theirs.answer.join()
      return theirs.answer.some(isOfHost) && !ours.answer.some(isOfHost)
    },
  },
  {
    // RFC 6604: the rcode is that of the last name, where an alias leads out of what this server has.
    rule: 'external-nxdomain',
    explains: ({ ours, theirs }) =>
      isNxdomain(ours) &&
      theirs.rcode === 'NOERROR' &&
      ours.answer.some(line => line.includes(' in cname ')) &&
      ours.answer.join() === theirs.answer.join(),
  },
  {
    // Nothing is left to put the next suffix behind: CoreDNS makes an invalid question of it.
    rule: 'first-suffix',
    explains: ({ question: { name }, ours, theirs }) =>
      name === FIRST_SUFFIX && ours.rcode === 'NOERROR' && theirs.rcode === 'SERVFAIL',
  },
]
