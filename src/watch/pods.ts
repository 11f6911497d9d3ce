// Pods as they are held: with `pods verified` there are more of them than of anything else.

import { intern } from './intern.ts'
import { PackedStore, type Packing } from './packed.ts'
import type { SlimPod } from './slim.ts'
import type { Sink } from './store.ts'

export interface HeldPod {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  /** Each once; none until it has one. */
  readonly podIPs: readonly string[]
  /** A Pod that is being deleted keeps its name until it is gone, but gets none any more (CoreDNS plugin/kubernetes/object/informer.go). */
  readonly isNamed: boolean
}

const packing: Packing<SlimPod, HeldPod> = {
  hold(held, { key, namespace, podIPs, deleting }) {
    const isNamed = !deleting || (held?.isNamed === true && held.podIPs.join() === podIPs.join())
    return { key, namespace, podIPs: [...new Set(podIPs)], isNamed }
  },
  pack: ({ podIPs, isNamed }) => (isNamed ? podIPs.join(' ') : `-${podIPs.join(' ')}`),
  unpack(key, text) {
    const isNamed = !text.startsWith('-')
    const list = isNamed ? text : text.slice(1)
    const namespace = intern(key.slice(0, key.indexOf('/')))
    return { key, namespace, podIPs: list === '' ? [] : list.split(' '), isNamed }
  },
}

export const podStore = (sink: Sink<HeldPod>): PackedStore<SlimPod, HeldPod> => new PackedStore(sink, packing)
