import { ApiError } from '../object.ts'
import type { ApiObject, Resource } from '../object.ts'

// What the real API server does when it decodes JSON into Go structs: a value of the wrong type is a 400, null is as if the field
// were not there. The rest of admission, and the controllers, can then trust the types.

/** Fields that are not named are left alone. An array shape has one element: the shape of each item. */
export type FieldShape = 'string' | 'boolean' | 'integer' | 'integerOrString' | 'stringMap' | ObjectShape | ListShape
export interface ObjectShape {
  readonly [field: string]: FieldShape
}
export type ListShape = readonly [FieldShape]

const references = [{ apiVersion: 'string', kind: 'string', name: 'string', uid: 'string' }] as const

const metadata = {
  name: 'string',
  namespace: 'string',
  generateName: 'string',
  labels: 'stringMap',
  annotations: 'stringMap',
  ownerReferences: references,
} as const

const endpointPorts = [{ name: 'string', port: 'integer', protocol: 'string', appProtocol: 'string' }] as const
const endpointAddresses = [{ ip: 'string', hostname: 'string', nodeName: 'string', targetRef: {} }] as const

const containers = [
  {
    name: 'string',
    image: 'string',
    ports: [{ name: 'string', containerPort: 'integer', hostPort: 'integer', protocol: 'string' }],
    resources: { requests: {}, limits: {} },
  },
] as const

const podSpec = {
  containers,
  initContainers: containers,
  hostname: 'string',
  subdomain: 'string',
  nodeName: 'string',
  hostNetwork: 'boolean',
  restartPolicy: 'string',
  dnsPolicy: 'string',
  terminationGracePeriodSeconds: 'integer',
} as const

const workloadSpec = {
  replicas: 'integer',
  paused: 'boolean',
  revisionHistoryLimit: 'integer',
  serviceName: 'string',
  podManagementPolicy: 'string',
  ordinals: { start: 'integer' },
  selector: {
    matchLabels: 'stringMap',
    matchExpressions: [{ key: 'string', operator: 'string', values: ['string'] }],
  },
  template: { metadata: { labels: 'stringMap', annotations: 'stringMap' }, spec: podSpec },
  strategy: { type: 'string', rollingUpdate: {} },
  updateStrategy: { type: 'string', rollingUpdate: { partition: 'integer' } },
} as const

const conditions = [{ type: 'string', status: 'string', reason: 'string', message: 'string' }] as const

const shapes: Readonly<Record<string, ObjectShape>> = {
  Service: {
    spec: {
      type: 'string',
      clusterIP: 'string',
      clusterIPs: ['string'],
      ipFamilies: ['string'],
      ipFamilyPolicy: 'string',
      selector: 'stringMap',
      ports: [
        {
          name: 'string',
          protocol: 'string',
          port: 'integer',
          targetPort: 'integerOrString',
          nodePort: 'integer',
          appProtocol: 'string',
        },
      ],
      externalName: 'string',
      externalIPs: ['string'],
      externalTrafficPolicy: 'string',
      internalTrafficPolicy: 'string',
      trafficDistribution: 'string',
      healthCheckNodePort: 'integer',
      sessionAffinity: 'string',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 'integer' } },
      publishNotReadyAddresses: 'boolean',
      allocateLoadBalancerNodePorts: 'boolean',
      loadBalancerIP: 'string',
      loadBalancerClass: 'string',
      loadBalancerSourceRanges: ['string'],
    },
    status: { loadBalancer: { ingress: [{ ip: 'string', hostname: 'string', ipMode: 'string' }] } },
  },
  EndpointSlice: {
    addressType: 'string',
    endpoints: [
      {
        addresses: ['string'],
        conditions: { ready: 'boolean', serving: 'boolean', terminating: 'boolean' },
        hostname: 'string',
        nodeName: 'string',
        zone: 'string',
        targetRef: {},
      },
    ],
    ports: endpointPorts,
  },
  Endpoints: {
    subsets: [{ addresses: endpointAddresses, notReadyAddresses: endpointAddresses, ports: endpointPorts }],
  },
  Pod: {
    spec: podSpec,
    status: { phase: 'string', podIP: 'string', podIPs: [{ ip: 'string' }], hostIP: 'string', conditions },
  },
  Deployment: { spec: workloadSpec, status: { conditions } },
  ReplicaSet: { spec: workloadSpec, status: { conditions } },
  StatefulSet: { spec: workloadSpec, status: { conditions } },
  Namespace: { spec: {}, status: { phase: 'string' } },
  Node: { spec: { podCIDRs: ['string'] }, status: { addresses: [{ type: 'string', address: 'string' }] } },
  ServiceImport: {
    spec: {
      type: 'string',
      ips: ['string'],
      ports: [{ name: 'string', port: 'integer', protocol: 'string', appProtocol: 'string' }],
    },
  },
}

/** Checks the types of the fields that are known and takes out nulls, in place. Throws ApiError 400 BadRequest. */
export function decodeObject(resource: Resource, object: ApiObject): void {
  const fail = (path: string, found: string, wanted: string): never => {
    const detail = `cannot unmarshal ${found} into field ${path} of type ${wanted}`
    const message = `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: json: ${detail}`
    throw new ApiError(400, 'BadRequest', message, [
      { field: path, reason: 'FieldValueTypeInvalid', message: `${found} where ${wanted} is expected` },
    ])
  }
  decode(object, { ...shapes[resource.kind], metadata }, '', fail)
}

type Fail = (path: string, found: string, wanted: string) => never

function decode(value: unknown, shape: FieldShape, path: string, fail: Fail): void {
  if (isListShape(shape)) {
    if (!Array.isArray(value)) return fail(path, describe(value), 'a list')
    for (const [i, item] of value.entries()) {
      // In Go null is the zero value of the item's type.
      if (item === null) value[i] = typeof shape[0] === 'object' ? {} : ''
      decode(value[i], shape[0], `${path}[${i}]`, fail)
    }
    return
  }
  if (typeof shape === 'object') {
    if (!isRecord(value)) fail(path, describe(value), 'an object')
    else decodeFields(value, shape, path, fail)
    return
  }
  if (shape === 'stringMap') {
    if (!isRecord(value)) return fail(path, describe(value), 'a map of strings')
    for (const [key, item] of Object.entries(value)) {
      if (item === null) value[key] = ''
      else if (typeof item !== 'string') fail(`${path}[${key}]`, describe(item), 'a string')
    }
    return
  }
  if (!isOfType(value, shape)) fail(path, describe(value), WANTED[shape])
}

function decodeFields(record: Record<string, unknown>, shape: ObjectShape, path: string, fail: Fail): void {
  for (const [field, fieldShape] of Object.entries(shape)) {
    const value = record[field]
    if (value === null) delete record[field]
    else if (value !== undefined) decode(value, fieldShape, path === '' ? field : `${path}.${field}`, fail)
  }
}

const WANTED = {
  string: 'a string',
  boolean: 'true or false',
  integer: 'an integer',
  integerOrString: 'an integer or a string',
} as const

function isOfType(value: unknown, type: keyof typeof WANTED): boolean {
  if (type === 'string') return typeof value === 'string'
  if (type === 'boolean') return typeof value === 'boolean'
  return Number.isInteger(value) || (type === 'integerOrString' && typeof value === 'string')
}

function isListShape(shape: FieldShape): shape is ListShape {
  return Array.isArray(shape)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value === null) return 'null'
  if (typeof value === 'object') return 'an object'
  return `${typeof value} ${JSON.stringify(value)}`
}
