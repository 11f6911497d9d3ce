// Pods as they are held: with `pods verified` there are more of them than of anything else.

import { intern } from './intern.ts'
import { PackedStore, type Packing } from './packed.ts'
import type { PodExtras, SlimPod } from './slim.ts'
import type { Sink } from './store.ts'

export interface HeldPod {
  /** `namespace/name`. */
  readonly key: string
  readonly namespace: string
  /** Each once; none until it has one. */
  readonly podIPs: readonly string[]
  /** A Pod that is being deleted keeps its name until it is gone, but gets none any more (CoreDNS plugin/kubernetes/object/informer.go). */
  readonly isNamed: boolean
  /** As SlimPod. */
  readonly labels?: SlimPod['labels']
  readonly nodeName?: string
}

const isNamedBy = (held: HeldPod | undefined, podIPs: readonly string[]): boolean =>
  held?.isNamed === true && held.podIPs.join() === podIPs.join()

const packing: Packing<SlimPod, HeldPod> = {
  hold(held, { key, namespace, podIPs, deleting, labels, nodeName }) {
    const isNamed = !deleting || isNamedBy(held(), podIPs)
    return {
      key,
      namespace,
      podIPs: [...new Set(podIPs)],
      isNamed,
      ...(labels && { labels }),
      ...(nodeName !== undefined && { nodeName }),
    }
  },
  pack: ({ podIPs, isNamed }) => (isNamed ? podIPs.join(' ') : `-${podIPs.join(' ')}`),
  unpack(key, text) {
    const isNamed = !text.startsWith('-')
    const list = isNamed ? text : text.slice(1)
    const namespace = intern(key.slice(0, key.indexOf('/')))
    return { key, namespace, podIPs: list === '' ? [] : list.split(' '), isNamed }
  },
}

/** With what was asked for beside, in JSON, which has no line breaks. */
const packingExtras: Packing<SlimPod, HeldPod> = {
  hold: (held, next) => packing.hold(held, next),
  pack: pod => `${packing.pack(pod)}\n${JSON.stringify([pod.nodeName ?? '', pod.labels ?? []])}`,
  unpack(key, text) {
    const end = text.lastIndexOf('\n')
    const [nodeName, labels] = JSON.parse(text.slice(end + 1)) as [string, HeldPod['labels']]
    return { ...packing.unpack(key, text.slice(0, end)), nodeName, labels }
  },
}

/** `extras` are what `slimPod` was asked for. */
export function podStore(sink: Sink<HeldPod>, extras?: PodExtras): PackedStore<SlimPod, HeldPod> {
  const hasExtras = extras !== undefined && (extras.topology || extras.labels.length > 0)
  return new PackedStore(sink, hasExtras ? packingExtras : packing)
}
