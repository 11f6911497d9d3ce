// The writing side of the table of clients, in the thread that hears the API.

import type { SlimEndpoint, SlimEndpointSlice, SlimPod } from '../../watch/slim.ts'
import { formatAddress, parseAddress } from '../../wire/address.ts'
import type { WireName } from '../../wire/name.ts'
import type { Rrset } from '../../wire/rrset.ts'
import { ZoneWriter } from '../../zones/writer.ts'
import { ClientField, MAX_NODE_LENGTH, NODES } from './clients.ts'

/** One of those who have an address. */
export interface Client {
  readonly namespace: string
  /** '' when it is not known. */
  readonly podName: string
  /** Of the Pod, by key. */
  readonly labels?: SlimPod['labels']
}

/**
 * Whose address it is as far as slices tell, which hold it: of endpoints that are Pods. Those that are not ready do not count, and what
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

/** Where somebody is: in a zone, or else on a node. */
export interface Place {
  readonly zone?: string
  readonly node?: string
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

  /**
   * Says who has an address now, and where that is. Of one that several namespaces have (the network of a node) nothing is known but where it
   * is.
   */
  set(address: Uint8Array, clients: readonly Client[], { zone, node }: Place = {}): void {
    const fields = makeClientFields(clients)
    if (zone !== undefined) fields.push(makeField(ClientField.Zone, zone))
    else if (node !== undefined) fields.push(makeField(ClientField.Node, node))
    const name = addressName(address)
    if (fields.length > 0) this.#writer.publish(name, fields)
    else this.#writer.withdraw(name)
  }

  /** Says in which zone a node is, as far as that is known. */
  setNode(node: string, zone: string | undefined): void {
    const name = nodeName(Buffer.from(node))
    if (!name) return
    if (zone === undefined) this.#writer.withdraw(name)
    else this.#writer.publish(name, [makeField(ClientField.Zone, zone)])
  }
}

function makeClientFields(clients: readonly Client[]): Rrset[] {
  const namespaces = new Set(clients.map(({ namespace }) => namespace))
  if (namespaces.size !== 1) return []
  const pods = new Set(clients.map(({ podName }) => podName))
  const [{ namespace, podName, labels = [] }] = clients
  const fields = [makeField(ClientField.Namespace, namespace)]
  if (pods.size !== 1 || podName === '') return fields
  fields.push(makeField(ClientField.Pod, podName))
  if (labels.length > 0) fields.push(makeField(ClientField.Labels, ...labels.map(label => label.join('\0'))))
  return fields
}

/** The address as the one label of a name. */
const addressName = (address: Uint8Array): WireName => Uint8Array.of(address.length, ...address, 0)

/** See NODES; undefined for a node whose name would be too long. */
const nodeName = (node: Uint8Array): WireName | undefined =>
  node.length > 0 && node.length <= MAX_NODE_LENGTH ? Uint8Array.of(node.length, ...node, ...NODES) : undefined

const makeField = (type: ClientField, ...texts: string[]): Rrset => ({
  type,
  ttlSeconds: 0,
  rdata: texts.map(text => Buffer.from(text)),
})
