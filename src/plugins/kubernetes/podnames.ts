// The names of Pods that a publisher has in a zone image, with `pods verified`.

import { podRecords } from '../../records/pod.ts'
import type { SlimPod } from '../../watch/slim.ts'
import type { WireName } from '../../wire/name.ts'
import { MultiMap } from './multimap.ts'
import type { Names } from './names.ts'

export interface PodNamesOptions {
  readonly forwardOrigins: readonly WireName[]
  readonly ttlSeconds: number
  readonly isExposed: (namespace: string) => boolean
}

export class PodNames {
  readonly #names: Names
  readonly #options: PodNamesOptions
  /** By `namespace/address`: several Pods may share one, on the host's network. */
  readonly #pods = new MultiMap<SlimPod>()
  readonly #dirty = new Map<string, SlimPod>()

  constructor(names: Names, options: PodNamesOptions) {
    this.#names = names
    this.#options = options
  }

  /** Those that have a name. */
  pods(): Generator<readonly SlimPod[]> {
    return this.#pods.values()
  }

  has(pod: SlimPod): boolean {
    return this.#pods.get(podKey(pod)).includes(pod)
  }

  change(pod: SlimPod, how: 'add' | 'delete'): void {
    if (pod.podIP === '') return
    const key = podKey(pod)
    this.#pods[how](key, pod)
    this.#dirty.set(key, pod)
  }

  /** The namespace has come or gone. */
  touch(namespace: string): void {
    for (const [pod] of this.#pods.values()) if (pod.namespace === namespace) this.#dirty.set(podKey(pod), pod)
  }

  /** Publishes what has changed. */
  publish(): void {
    for (const [key, pod] of this.#dirty) this.#publishPod(key, pod)
    this.#dirty.clear()
  }

  #publishPod(key: string, pod: SlimPod): void {
    const { forwardOrigins, ttlSeconds, isExposed } = this.#options
    const isThere = this.#pods.get(key).length > 0 && isExposed(pod.namespace)
    for (const origin of forwardOrigins) {
      const records = podRecords(pod, origin, ttlSeconds)
      if (!records) continue
      if (isThere) this.#names.publish(records)
      else this.#names.withdraw(records.owner)
    }
  }
}

const podKey = ({ namespace, podIP }: SlimPod): string => `${namespace}/${podIP}`
