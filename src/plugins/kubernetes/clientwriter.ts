// The writing side of the table of clients, in the thread that hears the API.

import type { SlimEndpoint, SlimEndpointSlice, SlimPod } from '../../watch/slim.ts'
import { formatAddress, parseAddress } from '../../wire/address.ts'
import type { WireName } from '../../wire/name.ts'
import type { Rrset } from '../../wire/rrset.ts'
import { ZoneWriter } from '../../zones/writer.ts'
import { ClientField } from './clients.ts'

/** One of those who have an address. */
export interface Client {
  readonly namespace: string
  /** '' when it is not known. */
  readonly podName: string
  /** Of the Pod, by key. */
  readonly labels?: SlimPod['labels']
}

/**
 * Whose address it is as far as slices tell, which hold it: of endpoints that are Pods. Those that are not ready are in no slice here, and what
 * somebody wrote into a slice by hand is nobody's word on who asks.
 */
export function sliceClients(address: Uint8Array, slices: readonly SlimEndpointSlice[]): Client[] {
  const text = formatAddress(address)
  const has = (endpoint: SlimEndpoint): boolean =>
    endpoint.addresses.some(other => other === text || isSame(other, address))
  return slices.flatMap(({ namespace, endpoints }) =>
    endpoints.flatMap(endpoint =>
      endpoint.podName !== '' && has(endpoint) ? [{ namespace, podName: endpoint.podName }] : [],
    ),
  )
}

/** An IPv6 address has several spellings. */
function isSame(text: string, address: Uint8Array): boolean {
  const octets = address.length === 16 ? parseAddress(text) : undefined
  return octets !== undefined && Buffer.compare(octets, address) === 0
}

const ROOT = Uint8Array.of(0)

export class ClientWriter {
  readonly #writer: ZoneWriter

  /** `onHandover` as of ZoneWriter. */
  constructor(onHandover: (buffer: SharedArrayBuffer) => void) {
    this.#writer = new ZoneWriter([ROOT], onHandover)
  }

  get buffer(): SharedArrayBuffer {
    return this.#writer.buffer
  }

  /** Says who has an address now. Of one that several namespaces have (the network of a node) nothing is known. */
  set(address: Uint8Array, clients: readonly Client[]): void {
    const namespaces = new Set(clients.map(({ namespace }) => namespace))
    const name = nameOf(address)
    if (namespaces.size !== 1) {
      this.#writer.withdraw(name)
      return
    }
    const pods = new Set(clients.map(({ podName }) => podName))
    const [{ namespace, podName, labels = [] }] = clients
    const fields = [makeField(ClientField.Namespace, namespace)]
    if (pods.size === 1 && podName !== '') {
      fields.push(makeField(ClientField.Pod, podName))
      if (labels.length > 0) fields.push(makeField(ClientField.Labels, ...labels.map(label => label.join('\0'))))
    }
    this.#writer.publish(name, fields)
  }
}

/** The address as the one label of a name. */
const nameOf = (address: Uint8Array): WireName => Uint8Array.of(address.length, ...address, 0)

const makeField = (type: ClientField, ...texts: string[]): Rrset => ({
  type,
  ttlSeconds: 0,
  rdata: texts.map(text => Buffer.from(text)),
})
