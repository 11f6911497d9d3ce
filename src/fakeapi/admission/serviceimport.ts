import type { ApiObject } from '../object.ts'
import type { ServicePort } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { validateIpAddress } from './clusterip.ts'
import { checkPortNumber } from './names.ts'
import { validateProtocol } from './service.ts'

const IMPORT_TYPES = ['ClusterSetIP', 'Headless'] as const

/** Defaults and checks a ServiceImport (KEP-1645) as the schema of its CustomResourceDefinition does. */
export function validateServiceImport(object: ApiObject, causes: Causes): void {
  const spec = (object['spec'] ?? {}) as { type?: string; ips?: string[]; ports?: ServicePort[] }
  if (!spec.type) causes.required('spec.type')
  else if (!(IMPORT_TYPES as readonly string[]).includes(spec.type)) {
    causes.notSupported('spec.type', spec.type, IMPORT_TYPES)
  }
  for (const [i, ip] of (spec.ips ?? []).entries()) validateIpAddress(`spec.ips[${i}]`, ip, causes)
  for (const [i, port] of (spec.ports ?? []).entries()) {
    if (!port.protocol) port.protocol = 'TCP'
    causes.invalid(`spec.ports[${i}].port`, port.port ?? 0, checkPortNumber(port.port ?? 0))
    validateProtocol(port.protocol, `spec.ports[${i}].protocol`, causes)
  }
}
