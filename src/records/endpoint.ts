// Endpoints of a Service: their addresses, their host names, and the items that follow from them.

import type { SlimEndpoint, SlimEndpointPort, SlimEndpointSlice } from '../watch/slim.ts'
import { parseAddress } from '../wire/address.ts'
import { MAX_LABEL_LENGTH } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { joinName } from '../wire/rrset.ts'
import { type Item, NO_PORT } from './item.ts'
import type { RecordOptions } from './options.ts'

/** An item of an endpoint, with what chooses it: its labels below the Service's name, and its port's name and protocol. */
export interface EndpointItem extends Item {
  readonly labels: readonly string[]
  readonly portName: string
  readonly protocol: string
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
 * named `host.cluster.service…`, as two clusters may have the same host.
 */
export function endpointItems(
  slices: readonly SlimEndpointSlice[],
  serviceName: WireName,
  { endpointPodNames, isMulticluster }: Pick<RecordOptions, 'endpointPodNames' | 'isMulticluster'>,
): EndpointItem[] {
  const items: EndpointItem[] = []
  for (const slice of slices) {
    // A slice without ports still has addresses.
    const ports = slice.ports.length > 0 ? slice.ports : NO_PORTS
    for (const endpoint of slice.endpoints) {
      const { zone, forZones = NO_ZONES } = endpoint
      for (const text of endpoint.addresses) {
        const address = parseAddress(text)
        if (!address) continue
        const label = endpointLabel(endpoint, text, endpointPodNames)
        const labels = isMulticluster ? [label, slice.sourceCluster] : [label]
        // `_` begins the labels of ports (RFC 2782), never a host name.
        const host = label.startsWith('_') ? undefined : joinName(labels, serviceName)
        for (const { name, port, protocol } of ports) {
          items.push({ address, port, host, labels, portName: name, protocol, zone, forZones })
        }
      }
    }
  }
  return items
}

const NO_PORTS: readonly SlimEndpointPort[] = [{ name: '', port: NO_PORT, protocol: '' }]
const NO_ZONES: readonly string[] = []
