// Endpoints of a Service: their addresses, their host names, and the items that follow from them.

import type { SlimEndpoint, SlimEndpointPort, SlimEndpointSlice } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import { MAX_LABEL_LENGTH } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { joinName } from '../wire/rrset.ts'
import { type Item, NO_PORT } from './item.ts'
import type { RecordOptions } from './options.ts'

/** An item of an endpoint, with what chooses it: its labels below the Service's name, and those of its port, where that has a name. */
export interface EndpointItem extends Item {
  readonly labels: readonly string[]
  readonly portLabels: readonly string[] | undefined
  /** The topology zone of the endpoint, as the API has it; '' where that is not known. */
  readonly zone: string
  /** The zones whose clients it is meant for, where that was asked for and is known. */
  readonly forZones: readonly string[]
}

/** Whether the same names and addresses follow from both. */
export function isSameEndpoint(a: SlimEndpoint, b: SlimEndpoint): boolean {
  if (a.hostname !== b.hostname || a.podName !== b.podName || a.addresses.length !== b.addresses.length) return false
  for (let i = 0; i < a.addresses.length; i++) if (a.addresses[i] !== b.addresses[i]) return false
  return true
}

/** Whether the same ports follow from both. */
export function isSamePorts(a: readonly SlimEndpointPort[], b: readonly SlimEndpointPort[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i].name !== b[i].name || a[i].port !== b[i].port || a[i].protocol !== b[i].protocol) return false
  }
  return true
}

/**
 * Those in which two lists differ: what is in front of the first that differs, and behind the last, is as it was. Both are empty where the lists are
 * the same.
 */
export function differingEndpoints(
  had: readonly SlimEndpoint[],
  has: readonly SlimEndpoint[],
): { readonly left: readonly SlimEndpoint[]; readonly came: readonly SlimEndpoint[] } {
  let from = 0
  while (from < had.length && from < has.length && isSameEndpoint(had[from], has[from])) from++
  let behind = 0
  const rest = Math.min(had.length, has.length) - from
  while (behind < rest && isSameEndpoint(had.at(-1 - behind)!, has.at(-1 - behind)!)) behind++
  return { left: had.slice(from, had.length - behind), came: has.slice(from, has.length - behind) }
}

/**
 * The label of an endpoint at one of its addresses: its host name, else (if asked for) the name of its Pod, else the address with dashes.
 * CoreDNS endpointHostname; a leading dash (`--1` for `::1`) is kept, a trailing one gets a `0`, as the dashed form of `1234::` would
 * otherwise end in one.
 */
export function endpointLabel(endpoint: SlimEndpoint, address: string, usePodNames: boolean): string {
  if (endpoint.hostname !== '') return endpoint.hostname
  const { podName } = endpoint
  // A Pod's name may have dots, and then it is no label.
  if (usePodNames && podName !== '' && podName.length <= MAX_LABEL_LENGTH && !podName.includes('.')) return podName
  if (!address.includes(':')) return address.replaceAll('.', '-')
  const dashed = address.replaceAll(':', '-')
  return dashed.endsWith('-') ? `${dashed}0` : dashed
}

/**
 * An item for each address of each ready endpoint and each port of its slice, in the order of the slices. Endpoints of a ServiceImport are
 * named `host.cluster.service…`, as two clusters may have the same host. Where `chosen` are given, only those with one of these labels, lower case.
 */
export function endpointItems(
  slices: readonly SlimEndpointSlice[],
  serviceName: WireName,
  { endpointPodNames, isMulticluster }: Pick<RecordOptions, 'endpointPodNames' | 'isMulticluster'>,
  chosen?: ReadonlySet<string>,
): EndpointItem[] {
  const items: EndpointItem[] = []
  for (const slice of slices) {
    // A slice without ports still has addresses.
    const ports = slice.ports.length > 0 ? slice.ports.map(namePort) : NO_PORTS
    for (const endpoint of slice.endpoints) {
      const { zone, forZones = NO_ZONES } = endpoint
      for (const text of endpoint.addresses) {
        const label = endpointLabel(endpoint, text, endpointPodNames)
        if (chosen && !chosen.has(label.toLowerCase())) continue
        const address = parseAddress(text)
        if (!address) continue
        const labels = isMulticluster ? [label, slice.sourceCluster] : [label]
        // `_` begins the labels of ports (RFC 2782), never a host name.
        const host = label.startsWith('_') ? undefined : joinName(labels, serviceName)
        for (const { port, portLabels } of ports) {
          items.push({ address, port, host, labels, portLabels, zone, forZones })
        }
      }
    }
  }
  return items
}

type NamedPort = Pick<EndpointItem, 'port' | 'portLabels'>

const NO_PORTS: readonly NamedPort[] = [{ port: NO_PORT, portLabels: undefined }]

const namePort = ({ name, port, protocol }: SlimEndpointPort): NamedPort => ({
  port,
  portLabels: name === '' ? undefined : portLabels(name, protocol),
})

/** RFC 2782: service and protocol each behind an underscore. */
export const portLabels = (name: string, protocol: string): string[] => [`_${name}`, `_${protocol.toLowerCase()}`]

const NO_ZONES: readonly string[] = []
