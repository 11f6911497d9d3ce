// Random clusters: small pools of names and addresses, so that they collide.

import fc from 'fast-check'
import type { ApiObject } from '../../src/fakeapi/object.ts'

export const NAMESPACES = ['default', 'svc', 'team-1'] as const
export const SERVICES = ['a', 'web', 'svc', '1-2-3-4'] as const
export const HOSTNAMES = ['a', 'web-0', 'web-1', '10-0-0-1'] as const
/** Values of topology.kubernetes.io/zone; they may have dots. */
export const TOPOLOGY_ZONES = ['a', 'East-1', 'east.example'] as const
export const PORT_NAMES = ['http', 'dns', 'a', 'web'] as const
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const
export const LABELS = { 'app.kubernetes.io/part': 'x' }

export const V4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '172.16.0.10', '10.96.0.20'] as const
export const V6 = ['fd00::1', 'fd00::2:1', '2001:db8::a'] as const
const CLUSTER_V4 = ['10.96.0.20', '10.96.0.21', '10.96.7.1'] as const
const CLUSTER_V6 = ['fd00:10:96::14', 'fd00:10:96::15'] as const

/** By which Services are reached from outside; some are those of endpoints, too. */
export const EXTERNAL = ['192.0.2.1', '192.0.2.2', '10.0.0.1', '2001:db8::e', '2001:db8::a'] as const

const pick = <T>(list: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...list)
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
const some = <T>(list: readonly T[], maxLength: number): fc.Arbitrary<T[]> =>
  fc.uniqueArray(pick(list), { maxLength, size: 'max' })

/** Mostly there: what has none is not served under some options. */
const labels = fc.nat(3).map(number => (number > 0 ? LABELS : {}))

/** Services need a name for each of several ports, and no pair of number and protocol twice; slices do not. */
const servicePorts = fc
  .uniqueArray(fc.record({ name: pick(PORT_NAMES), port: pick([53, 80, 8080]), protocol: pick(PROTOCOLS) }), {
    minLength: 1,
    maxLength: 3,
    selector: ({ name }) => name,
  })
  .map(ports => ports.filter((p, i) => ports.findIndex(o => o.port === p.port && o.protocol === p.protocol) === i))
  .chain(ports => fc.boolean().map(isUnnamed => (isUnnamed ? [{ ...ports[0], name: undefined }] : ports)))

const slicePorts = fc.uniqueArray(
  fc.record({ name: maybe(pick(PORT_NAMES)), port: maybe(pick([53, 80, 8080])), protocol: pick(PROTOCOLS) }),
  { maxLength: 3, selector: ({ name }) => name ?? '' },
)

const clusterIPs: fc.Arbitrary<string[]> = fc.oneof(
  pick(CLUSTER_V4).map((v4): string[] => [v4]),
  pick(CLUSTER_V6).map((v6): string[] => [v6]),
  fc.tuple(pick(CLUSTER_V4), pick(CLUSTER_V6)),
  fc.tuple(pick(CLUSTER_V6), pick(CLUSTER_V4)),
)

const family = (address: string): string => (address.includes(':') ? 'IPv6' : 'IPv4')

const target = fc.oneof(
  fc.tuple(pick(SERVICES), pick(NAMESPACES)).map(([name, space]) => `${name}.${space}.svc.cluster.local`),
  fc.constant('missing.default.svc.cluster.local'),
)

/** Through a load balancer, by an address or by a name. */
const ingress = fc.oneof(
  pick(EXTERNAL).map((ip): object[] => [{ ip }]),
  pick(['lb.test', 'web.default.svc.cluster.local', 'a.default.svc.cluster.local']).map((hostname): object[] => [
    { hostname },
  ]),
)

const serviceSpec = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ addresses: clusterIPs, ports: servicePorts }).map(({ addresses, ports }) => ({
      type: 'ClusterIP',
      clusterIP: addresses[0],
      clusterIPs: addresses,
      ipFamilies: addresses.map(family),
      ipFamilyPolicy: addresses.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ports,
    })),
  },
  {
    weight: 4,
    arbitrary: fc.record({ ports: maybe(servicePorts), publish: fc.boolean() }).map(({ ports, publish }) => ({
      type: 'ClusterIP',
      clusterIP: 'None',
      clusterIPs: ['None'],
      ipFamilies: ['IPv4', 'IPv6'],
      ipFamilyPolicy: 'RequireDualStack',
      publishNotReadyAddresses: publish,
      ports,
    })),
  },
  { weight: 2, arbitrary: target.map(externalName => ({ type: 'ExternalName', externalName })) },
)

const service = fc
  .record({
    name: pick(SERVICES),
    namespace: pick(NAMESPACES),
    labels,
    spec: serviceSpec,
    externalIPs: fc.oneof(fc.constant([]), some(EXTERNAL, 2)),
    ingress: maybe(ingress),
  })
  .map(({ name, namespace, labels, spec, externalIPs, ingress }): ApiObject => {
    const isBalanced = ingress !== undefined && 'clusterIP' in spec && spec.clusterIP !== 'None'
    return {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels },
      spec: { ...spec, externalIPs, ...(isBalanced && { type: 'LoadBalancer' }) },
      status: isBalanced ? { loadBalancer: { ingress } } : {},
    }
  })

const conditions = fc.record({
  ready: maybe(fc.boolean()),
  serving: maybe(fc.boolean()),
  terminating: maybe(fc.boolean()),
})

const endpointsOf = (addresses: readonly string[]): fc.Arbitrary<object[]> =>
  fc.array(
    fc.record({
      addresses: fc.uniqueArray(pick(addresses), { minLength: 1, maxLength: 2 }),
      hostname: maybe(pick(HOSTNAMES)),
      zone: maybe(pick(TOPOLOGY_ZONES)),
      conditions: maybe(conditions),
      targetRef: maybe(pick(['web-0', 'web-1']).map(name => ({ kind: 'Pod', name }))),
    }),
    { maxLength: 4 },
  )

const slice = fc
  .record({
    of: pick(SERVICES),
    number: pick([1, 2]),
    namespace: pick(NAMESPACES),
    labels,
    endpoints: fc.oneof(
      endpointsOf(V4).map(list => ({ addressType: 'IPv4', list })),
      endpointsOf(V6).map(list => ({ addressType: 'IPv6', list })),
    ),
    ports: slicePorts,
  })
  .map(
    ({ of, number, namespace, labels, endpoints, ports }): ApiObject => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: `${of}-${number}`, namespace, labels: { ...labels, 'kubernetes.io/service-name': of } },
      addressType: endpoints.addressType,
      endpoints: endpoints.list,
      ports,
    }),
  )

/** At most one of each family. */
const podIPs: fc.Arbitrary<string[]> = fc.oneof(
  pick([...V4, ...V6]).map((ip): string[] => [ip]),
  fc.tuple(pick(V4), pick(V6)),
  fc.tuple(pick(V6), pick(V4)),
)

const pod = fc
  .record({
    name: pick(['web-0', 'web-1', 'x']),
    namespace: pick(NAMESPACES),
    ips: podIPs,
    phase: pick(['Running', 'Succeeded']),
  })
  .map(
    ({ name, namespace, ips, phase }): ApiObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      status: { phase, podIP: ips[0], podIPs: ips.map(ip => ({ ip })) },
    }),
  )

const namespace = (name: string): ApiObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

export const keyOf = ({ kind, metadata }: ApiObject): string => `${kind}/${metadata.namespace ?? ''}/${metadata.name}`

/** What there is at one moment. `default` is always there. */
export const cluster: fc.Arbitrary<ApiObject[]> = fc
  .tuple(
    some(NAMESPACES, NAMESPACES.length).map(names => [...new Set(['default', ...names])].map(namespace)),
    fc.uniqueArray(service, { maxLength: 12, selector: keyOf, size: 'max' }),
    fc.uniqueArray(slice, { maxLength: 14, selector: keyOf, size: 'max' }),
    fc.uniqueArray(pod, { maxLength: 4, selector: keyOf, size: 'max' }),
  )
  .map(([namespaces, ...kinds]) => {
    const names = new Set<string | undefined>(namespaces.map(({ metadata }) => metadata.name))
    return namespaces.concat(kinds.flat().filter(({ metadata }) => names.has(metadata.namespace)))
  })
