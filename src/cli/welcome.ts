// What `npm start` shows: the names that are served, and three questions to try.

import type { ApiObject, ObjectStore } from '../fakeapi/object.ts'
import type { BoundAddress } from '../server/server.ts'

const ZONE = 'cluster.local'

interface ServiceSpec {
  type?: string
  clusterIP?: string
  clusterIPs?: string[]
  externalName?: string
  ports?: { name?: string; protocol?: string }[]
}

/** Prints the names of the Services in the store, and how to ask for them at the first of the addresses. */
export function welcome(store: ObjectStore, addresses: readonly BoundAddress[], print: (line: string) => void): void {
  const services = store.list(store.resource('Service'))
  const names = services.map(({ metadata: { name, namespace } }) => `${name}.${namespace}.svc.${ZONE}`)
  const width = Math.max(...names.map(({ length }) => length))
  print(`\nNames of the ${services.length} Services (and PTR for their addresses):`)
  for (const [i, service] of services.entries()) print(`  ${names[i].padEnd(width)}  ${describe(service)}`)

  const [server] = addresses
  const at = server.address === '' ? '127.0.0.1' : server.address
  const headless = findName(services, names, spec => spec.clusterIP === 'None')
  const named = findName(services, names, spec => (spec.ports?.[0]?.name ?? '') !== '' && spec.clusterIP !== 'None')
  print('\nTry (without dig: npx kubezone lookup NAME TYPE):')
  print(`  dig @${at} -p ${server.port} kubernetes.default.svc.${ZONE} A`)
  if (headless) print(`  dig @${at} -p ${server.port} ${headless.name} A`)
  if (named) {
    const { name = '', protocol = 'TCP' } = named.spec.ports?.[0] ?? {}
    print(`  dig @${at} -p ${server.port} +tcp _${name}._${protocol.toLowerCase()}.${named.name} SRV`)
  }
  print('')
}

function describe(service: ApiObject): string {
  const spec = service['spec'] as ServiceSpec
  if (spec.type === 'ExternalName') return `ExternalName ${spec.externalName}`
  return spec.clusterIP === 'None' ? 'headless' : `${spec.type} ${spec.clusterIPs?.join(' ')}`
}

function findName(
  services: readonly ApiObject[],
  names: readonly string[],
  matches: (spec: ServiceSpec) => boolean,
): { name: string; spec: ServiceSpec } | undefined {
  const index = services.findIndex(
    ({ metadata, spec }) => metadata.name !== 'kubernetes' && matches(spec as ServiceSpec),
  )
  return index < 0 ? undefined : { name: names[index], spec: services[index]['spec'] as ServiceSpec }
}
