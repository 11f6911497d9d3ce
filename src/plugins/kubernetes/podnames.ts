// The names of Pods that a publisher has in a zone image, with `pods verified`.

import { podRecords } from '../../records/pod.ts'
import type { HeldPod } from '../../watch/pods.ts'
import type { WireName } from '../../wire/name.ts'
import type { Names } from './names.ts'

export interface PodNamesOptions {
  readonly forwardOrigins: readonly WireName[]
  readonly ttlSeconds: number
  readonly isExposed: (namespace: string) => boolean
  /** All that are held. */
  readonly pods: () => Iterable<HeldPod>
}

interface Change {
  readonly namespace: string
  /** Addresses that are no more, and those that are new. */
  readonly gone: readonly string[]
  readonly come: readonly string[]
}

export class PodNames {
  readonly #names: Names
  readonly #options: PodNamesOptions
  readonly #changes: Change[] = []
  /** Namespaces that have come or gone. */
  readonly #touched = new Set<string>()
  /** Namespaces whose Pods have their names in the image. */
  readonly #exposed = new Set<string>()
  /** Of names there, by `namespace/address`: how many Pods have them beside the first, on the host's network. */
  readonly #others = new Map<string, number>()

  constructor(names: Names, options: PodNamesOptions) {
    this.#names = names
    this.#options = options
  }

  change(before: HeldPod | undefined, after: HeldPod | undefined): void {
    const { namespace } = (after ?? before)!
    const had = namedAddresses(before)
    const has = namedAddresses(after)
    const gone = had.filter(address => !has.includes(address))
    const come = has.filter(address => !had.includes(address))
    if (gone.length + come.length > 0) this.#changes.push({ namespace, gone, come })
  }

  /** The namespace has come or gone. */
  touch(namespace: string): void {
    this.#touched.add(namespace)
  }

  /** Publishes what has changed. */
  publish(): void {
    for (const { namespace, gone, come } of this.#changes) {
      if (!this.#exposed.has(namespace)) continue
      for (const address of gone) this.#remove(namespace, address)
      for (const address of come) this.#add(namespace, address)
    }
    this.#changes.length = 0
    this.#publishNamespaces()
  }

  #publishNamespaces(): void {
    const { isExposed, pods } = this.#options
    const moved = [...this.#touched].filter(namespace => isExposed(namespace) !== this.#exposed.has(namespace))
    this.#touched.clear()
    if (moved.length === 0) return
    const namespaces = new Set(moved)
    for (const pod of pods()) {
      const { namespace } = pod
      if (!namespaces.has(namespace)) continue
      for (const address of namedAddresses(pod)) {
        if (this.#exposed.has(namespace)) this.#remove(namespace, address)
        else this.#add(namespace, address)
      }
    }
    for (const namespace of moved) {
      if (!this.#exposed.delete(namespace)) this.#exposed.add(namespace)
    }
  }

  #add(namespace: string, address: string): void {
    const { forwardOrigins, ttlSeconds } = this.#options
    let isNew = false
    for (const origin of forwardOrigins) {
      const records = podRecords(namespace, address, origin, ttlSeconds)
      if (records && this.#names.publish(records)) isNew = true
    }
    const key = nameKey(namespace, address)
    if (!isNew) this.#others.set(key, (this.#others.get(key) ?? 0) + 1)
  }

  #remove(namespace: string, address: string): void {
    const key = nameKey(namespace, address)
    const others = this.#others.get(key) ?? 0
    if (others > 1) this.#others.set(key, others - 1)
    else if (others === 1) this.#others.delete(key)
    else {
      const { forwardOrigins, ttlSeconds } = this.#options
      for (const origin of forwardOrigins) {
        const records = podRecords(namespace, address, origin, ttlSeconds)
        if (records) this.#names.withdraw(records.owner)
      }
    }
  }
}

/** Two spellings of an address with letters are one name. */
const nameKey = (namespace: string, address: string): string => `${namespace}/${address.toLowerCase()}`

/** Those that it is named by. */
const namedAddresses = (pod: HeldPod | undefined): readonly string[] => (pod?.isNamed ? pod.podIPs : [])
