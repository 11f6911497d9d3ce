import { ServiceAllocator } from './admission/allocation.ts'
import { Causes } from './admission/causes.ts'
import { settleFamilies, validateClusterIpChange, validateClusterIps } from './admission/clusterip.ts'
import { decodeObject } from './admission/decode.ts'
import {
  defaultEndpoints,
  defaultEndpointSlice,
  validateEndpoints,
  validateEndpointSlice,
} from './admission/endpoints.ts'
import { validateMetadata } from './admission/metadata.ts'
import { defaultPod, validatePod, validatePodStatus } from './admission/pod.ts'
import { carryOver, defaultService, validateService, validateServiceStatus } from './admission/service.ts'
import { validateServiceImport } from './admission/serviceimport.ts'
import { defaultWorkload, validateWorkload } from './admission/workload.ts'
import { cloneJson } from './json.ts'
import type { Admission, ApiObject, Operation, Resource } from './object.ts'
import type { EndpointSlice, Pod, Service, Workload } from './shapes.ts'

export interface AdmissionOptions {
  /** Ranges of cluster IPs: one, or one of each family, the default family first. */
  serviceCidrs?: readonly string[]
  /** First and last node port. */
  nodePorts?: readonly [number, number]
  /**
   * Take cluster IPs outside the ranges, the same one twice, others than before, and two of them without an ipFamilyPolicy: what
   * is written in manifests that come from another cluster. May be set later, to be strict once manifests are loaded.
   */
  allowAnyClusterIP?: boolean
  /** Take a Pod that has a status but no containers: enough for a pod that only has to be found. */
  allowPodsWithoutSpec?: boolean
}

const DEFAULT_SERVICE_CIDRS = ['10.96.0.0/16', 'fd00:10:96::/112'] as const
const DEFAULT_NODE_PORTS = [30_000, 32_767] as const

/**
 * Defaults, allocates and validates as the API server of Kubernetes 1.36 does, and in its words. Throws ApiError 422 Invalid with
 * a cause for each field, or 400 BadRequest for a value of the wrong type.
 */
export class DefaultAdmission implements Admission {
  allowAnyClusterIP: boolean
  allowPodsWithoutSpec: boolean
  readonly #allocator: ServiceAllocator

  constructor(options: AdmissionOptions = {}) {
    this.allowAnyClusterIP = options.allowAnyClusterIP ?? false
    this.allowPodsWithoutSpec = options.allowPodsWithoutSpec ?? false
    this.#allocator = new ServiceAllocator({
      serviceCidrs: options.serviceCidrs ?? DEFAULT_SERVICE_CIDRS,
      nodePorts: options.nodePorts ?? DEFAULT_NODE_PORTS,
    })
  }

  admit(operation: Operation, resource: Resource, object: ApiObject, old: ApiObject | undefined): ApiObject {
    if (operation === 'delete') {
      if (resource.kind === 'Service') this.#allocator.release((object as Service).spec)
      return object
    }
    const admitted = cloneJson(object)
    decodeObject(resource, admitted)
    const causes = new Causes()
    if (resource.kind === 'Namespace') defaultNamespace(admitted)
    validateMetadata(resource, admitted, causes)
    if (operation === 'status') validateStatus(resource, admitted, causes)
    else this.#admitSpec(resource, admitted, old, causes)
    causes.throwFor(resource, admitted)
    return admitted
  }

  #admitSpec(resource: Resource, object: ApiObject, old: ApiObject | undefined, causes: Causes): void {
    switch (resource.kind) {
      case 'Service':
        this.#admitService(object as Service, old as Service | undefined, causes)
        break
      case 'EndpointSlice':
        defaultEndpointSlice(object as EndpointSlice)
        validateEndpointSlice(object as EndpointSlice, old as EndpointSlice | undefined, causes)
        break
      case 'Endpoints':
        defaultEndpoints(object)
        validateEndpoints(object, causes)
        break
      case 'Pod':
        this.#admitPod(object as Pod, old as Pod | undefined, causes)
        break
      case 'Deployment':
      case 'ReplicaSet':
      case 'StatefulSet':
        object['spec'] ??= {}
        defaultWorkload(object as Workload)
        validateWorkload(object as Workload, old as Workload | undefined, causes)
        break
      case 'ServiceImport':
        validateServiceImport(object, causes)
        break
      // A Namespace and a Node have nothing but their metadata that could be wrong here.
    }
  }

  #admitService(service: Service, old: Service | undefined, causes: Causes): void {
    defaultService(service)
    const { spec } = service
    if (old) carryOver(service, old)
    else if (spec.clusterIP !== undefined) spec.clusterIPs ??= [spec.clusterIP]
    validateClusterIps(spec, old?.spec, causes)
    if (causes.list.length === 0) {
      settleFamilies(spec, old?.spec, this.#allocator.families, this.allowAnyClusterIP, causes)
    }
    if (old && !this.allowAnyClusterIP) validateClusterIpChange(spec, old.spec, causes)
    validateService(service, old, causes)
    // Allocation comes last: what is not valid must not hold an address.
    if (causes.list.length === 0) this.#allocator.allocate(spec, old?.spec, this.allowAnyClusterIP, causes)
  }

  #admitPod(pod: Pod, old: Pod | undefined, causes: Causes): void {
    const isBare = this.allowPodsWithoutSpec && pod.status !== undefined && !pod.spec?.containers?.length
    pod.spec ??= {}
    defaultPod(pod)
    if (!isBare) validatePod(pod, old, causes)
    validatePodStatus(pod, causes)
  }
}

function validateStatus(resource: Resource, object: ApiObject, causes: Causes): void {
  if (resource.kind === 'Service') {
    for (const ingress of (object as Service).status?.loadBalancer?.ingress ?? []) {
      if (ingress.ip) ingress.ipMode ??= 'VIP'
    }
    validateServiceStatus(object as Service, causes)
  }
  if (resource.kind === 'Pod') validatePodStatus(object as Pod, causes)
}

function defaultNamespace(namespace: ApiObject): void {
  namespace.metadata.labels = {
    ...namespace.metadata.labels,
    'kubernetes.io/metadata.name': namespace.metadata.name ?? '',
  }
  namespace['status'] ??= { phase: 'Active' }
}
