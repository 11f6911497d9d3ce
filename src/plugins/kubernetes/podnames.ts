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

interface NamedAddress {
  readonly namespace: string
  readonly podIP: string
}

export class PodNames {
  readonly #names: Names
  readonly #options: PodNamesOptions
  /** By `namespace/address`: several Pods may share one, on the host's network. */
  readonly #pods = new MultiMap<SlimPod>()
  readonly #dirty = new Map<string, NamedAddress>()

  constructor(names: Names, options: PodNamesOptions) {
    this.#names = names
    this.#options = options
  }

  /** Those that have a name. */
  pods(): Set<SlimPod> {
    return new Set([...this.#pods.values()].flat())
  }

  has(pod: SlimPod): boolean {
    return addressesOf(pod).some(([key]) => this.#pods.get(key).includes(pod))
  }

  change(pod: SlimPod, how: 'add' | 'delete'): void {
    for (const [key, named] of addressesOf(pod)) {
      this.#pods[how](key, pod)
      this.#dirty.set(key, named)
    }
  }

  /** The namespace has come or gone. */
  touch(namespace: string): void {
    for (const pods of this.#pods.values()) {
      for (const pod of pods) {
        if (pod.namespace !== namespace) continue
        for (const [key, named] of addressesOf(pod)) this.#dirty.set(key, named)
      }
    }
  }

  /** Publishes what has changed. */
  publish(): void {
    for (const [key, named] of this.#dirty) this.#publishName(key, named)
    this.#dirty.clear()
  }

  #publishName(key: string, { namespace, podIP }: NamedAddress): void {
    const { forwardOrigins, ttlSeconds, isExposed } = this.#options
    const isThere = this.#pods.get(key).length > 0 && isExposed(namespace)
    for (const origin of forwardOrigins) {
      const records = podRecords(namespace, podIP, origin, ttlSeconds)
      if (!records) continue
      if (isThere) this.#names.publish(records)
      else this.#names.withdraw(records.owner)
    }
  }
}

/** By the key under which it is held. */
const addressesOf = ({ namespace, podIPs }: SlimPod): [string, NamedAddress][] =>
  podIPs.map(podIP => [`${namespace}/${podIP}`, { namespace, podIP }])
