// Who has which address, as the API changes: Pods where they are watched, else the endpoints that are Pods. It is kept only where somebody
// asks for it.

import { addressKey } from '../../records/pointer.ts'
import type { HeldPod } from '../../watch/pods.ts'
import type { SlimEndpointSlice } from '../../watch/slim.ts'
import { type Client, type ClientWriter, sliceClients } from './clientwriter.ts'
import { MultiMap } from './multimap.ts'
import { endpointAddresses } from './pointers.ts'

export class ClientIndex {
  readonly #writer: ClientWriter
  readonly #hasPods: boolean
  readonly #slices: Pick<MultiMap<SlimEndpointSlice>, 'get'>
  readonly #findPod: (key: string) => HeldPod | undefined
  /** Keys of the Pods that have an address. */
  readonly #pods = new MultiMap<string>()
  readonly #dirty = new Set<string>()

  /** `slices` are those that have an address; `hasPods`: Pods are watched, and they alone are believed. */
  constructor(
    writer: ClientWriter,
    slices: Pick<MultiMap<SlimEndpointSlice>, 'get' | 'keys'>,
    findPod: (key: string) => HeldPod | undefined,
    hasPods: boolean,
  ) {
    this.#writer = writer
    this.#slices = slices
    this.#hasPods = hasPods
    this.#findPod = findPod
    if (!hasPods) for (const key of slices.keys()) this.#dirty.add(key)
  }

  changePod(before: HeldPod | undefined, after: HeldPod | undefined): void {
    if (before?.isNamed) this.#changePod(before, 'delete')
    if (after?.isNamed) this.#changePod(after, 'add')
  }

  #changePod(pod: HeldPod, how: 'add' | 'delete'): void {
    for (const text of pod.podIPs) {
      const key = addressKey(text)
      if (key === undefined) continue
      this.#pods[how](key, pod.key)
      this.#dirty.add(key)
    }
  }

  changeSlice(slice: SlimEndpointSlice): void {
    if (!this.#hasPods) for (const key of endpointAddresses(slice)) this.#dirty.add(key)
  }

  /** Writes what has changed into the table. */
  publish(): void {
    for (const key of this.#dirty) {
      const address = Buffer.from(key, 'latin1')
      const pods = this.#pods.get(key).map(podKey => this.#clientOf(podKey))
      this.#writer.set(address, this.#hasPods ? pods : sliceClients(address, this.#slices.get(key)))
    }
    this.#dirty.clear()
  }

  #clientOf(podKey: string): Client {
    const [namespace, podName] = podKey.split('/', 2)
    return { namespace, podName, labels: this.#findPod(podKey)?.labels }
  }
}
