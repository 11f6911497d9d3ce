import { familyOf } from '../address.ts'
import type { StoreEvent } from '../object.ts'
import type { Service } from '../shapes.ts'
import type { AddressLeases } from './leases.ts'
import type { Controller } from './scheduler.ts'
import { keyOf } from './view.ts'
import type { View } from './view.ts'

/** The cloud: gives a Service of type LoadBalancer the address by which it is reached from outside. */
export class LoadBalancerController implements Controller {
  readonly name = 'loadbalancers'
  readonly #view: View
  readonly #leases: AddressLeases

  constructor(view: View, leases: AddressLeases) {
    this.#view = view
    this.#leases = leases
  }

  keysOf({ type, resource, object }: StoreEvent): string[] {
    if (resource.kind !== 'Service') return []
    const service = object as Service
    const uid = service.metadata.uid ?? ''
    if (type === 'DELETED' || service.spec.type !== 'LoadBalancer') {
      this.#leases.release(uid)
      return []
    }
    this.#leases.note(
      uid,
      (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []),
    )
    return [keyOf(service)]
  }

  sync(key: string): void {
    const service = this.#view.get('Service', key) as Service | undefined
    if (service?.spec.type !== 'LoadBalancer' || service.metadata.deletionTimestamp !== undefined) return
    // Another class is another cloud's; addresses that are there already were written by somebody.
    const { loadBalancerClass, loadBalancerIP, ipFamilies = [] } = service.spec
    if (loadBalancerClass !== undefined || service.status?.loadBalancer?.ingress?.length) return
    const uid = service.metadata.uid ?? ''
    const ingress = ipFamilies.flatMap(family => {
      const isAsked = loadBalancerIP !== undefined && familyOf(loadBalancerIP) === family
      const ip = isAsked ? loadBalancerIP : this.#leases.lease(uid, family)
      return ip === undefined ? [] : [{ ip, ipMode: 'VIP' }]
    })
    if (ingress.length === 0) return
    this.#view.updateStatus({ ...service, status: { ...service.status, loadBalancer: { ingress } } })
  }
}
