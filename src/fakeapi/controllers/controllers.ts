import type { ApiObject, ObjectStore, StoreEvent } from '../object.ts'
import { DeploymentController } from './deployment.ts'
import { EndpointsController } from './endpoints.ts'
import { EndpointSliceController } from './endpointslice.ts'
import { AddressLeases } from './leases.ts'
import { LoadBalancerController } from './loadbalancer.ts'
import { MirroringController } from './mirroring.ts'
import { PodController } from './pods.ts'
import { ReplicaSetController } from './replicaset.ts'
import { Scheduler } from './scheduler.ts'
import type { Controller } from './scheduler.ts'
import { StatefulSetController } from './statefulset.ts'
import { View } from './view.ts'

export interface ControllerOptions {
  /** Ranges of pod addresses, at most one of each family. */
  podCidrs?: readonly string[]
  /** Ranges of the addresses of load balancers, at most one of each family. */
  loadBalancerCidrs?: readonly string[]
  /** How long a pod runs before it is ready, in milliseconds. */
  readyDelayMs?: number
  /** The Node that is made when there is none. */
  nodeName?: string
  /** Told of an object that a controller gave up, after its last retry. */
  onError?: (controller: string, key: string, error: unknown) => void
}

export interface Controllers {
  /** Resolves when the controllers have nothing left to do. */
  settled(): Promise<void>
  stop(): void
}

const DEFAULT_POD_CIDRS = ['10.244.0.0/16', 'fd00:10:244::/64'] as const
// RFC 5737 and RFC 3849: addresses for documentation, which are nobody's.
const DEFAULT_LOAD_BALANCER_CIDRS = ['192.0.2.0/24', '2001:db8:0:1b::/112'] as const
const KINDS = [
  'Node',
  'Service',
  'Endpoints',
  'EndpointSlice',
  'Pod',
  'ReplicaSet',
  'Deployment',
  'StatefulSet',
] as const

/** Runs the controllers that cluster DNS depends on against the store, until they are stopped. */
export function startControllers(store: ObjectStore, options: ControllerOptions = {}): Controllers {
  const view = new View(store)
  const scheduler = new Scheduler({ onError: options.onError ?? reportError })
  const podLeases = new AddressLeases(options.podCidrs ?? DEFAULT_POD_CIDRS)
  const balancerLeases = new AddressLeases(options.loadBalancerCidrs ?? DEFAULT_LOAD_BALANCER_CIDRS)
  const controllers: Controller[] = [
    new PodController(view, podLeases, scheduler, { readyDelayMs: options.readyDelayMs ?? 0 }),
    new ReplicaSetController(view),
    new DeploymentController(view),
    new StatefulSetController(view),
    new EndpointsController(view),
    new EndpointSliceController(view),
    new MirroringController(view),
    new LoadBalancerController(view, balancerLeases),
  ]
  const handle = (event: StoreEvent): void => {
    view.apply(event)
    for (const controller of controllers) {
      for (const key of controller.keysOf(event)) scheduler.add(controller, key)
    }
  }
  const unsubscribe = store.subscribe(handle)
  for (const kind of KINDS) {
    const resource = store.resource(kind)
    for (const object of store.list(resource)) handle({ type: 'ADDED', resource, object, old: undefined })
  }
  const nodes = store.resource('Node')
  if (store.list(nodes).length === 0) store.create(nodes, makeNode(options.nodeName ?? 'node-1'))
  return {
    settled: () => scheduler.settled(),
    stop: () => {
      unsubscribe()
      scheduler.stop()
    },
  }
}

function makeNode(name: string): ApiObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': 'linux',
        'topology.kubernetes.io/region': 'region-1',
        'topology.kubernetes.io/zone': 'zone-1',
      },
    },
    spec: {},
    status: {
      addresses: [
        { type: 'InternalIP', address: '198.51.100.1' },
        { type: 'Hostname', address: name },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
    },
  }
}

function reportError(controller: string, key: string, error: unknown): void {
  process.emitWarning(`${controller}: giving up ${key}: ${error instanceof Error ? error.message : String(error)}`)
}
