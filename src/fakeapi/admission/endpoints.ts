import { familyOf } from '../address.ts'
import type { EndpointPort, Endpoints, EndpointSlice } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { validateIpAddress, validateUsableAddress } from './clusterip.ts'
import { checkDomainName, checkLabel, checkPortNumber, checkQualifiedName, checkSubdomain } from './names.ts'
import { validateProtocol } from './service.ts'

// After pkg/apis/discovery/validation and validateEndpointSubsets of pkg/apis/core/validation.

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'] as const
const MAX_ENDPOINTS = 1000
const MAX_ADDRESSES = 100
const MAX_PORTS = 20_000

export function defaultEndpointSlice(slice: EndpointSlice): void {
  slice.endpoints ??= []
  for (const port of slice.ports ?? []) {
    port.name ??= ''
    port.protocol ??= 'TCP'
  }
}

export function defaultEndpoints(endpoints: Endpoints): void {
  for (const subset of endpoints.subsets ?? []) {
    for (const port of subset.ports ?? []) if (!port.protocol) port.protocol = 'TCP'
  }
}

export function validateEndpointSlice(slice: EndpointSlice, old: EndpointSlice | undefined, causes: Causes): void {
  const type = slice.addressType
  if (!type) causes.required('addressType')
  else if (!(ADDRESS_TYPES as readonly string[]).includes(type)) causes.notSupported('addressType', type, ADDRESS_TYPES)
  if (old && old.addressType !== type) causes.invalid('addressType', type, 'field is immutable')
  validateSlicePorts(slice.ports ?? [], causes)
  if (slice.endpoints.length > MAX_ENDPOINTS) {
    causes.tooMany('endpoints', slice.endpoints.length, MAX_ENDPOINTS)
    return
  }
  for (const [i, { addresses = [], hostname, nodeName }] of slice.endpoints.entries()) {
    const at = `endpoints[${i}]`
    if (addresses.length === 0) causes.required(`${at}.addresses`, 'must contain at least 1 address')
    if (addresses.length > MAX_ADDRESSES) causes.tooMany(`${at}.addresses`, addresses.length, MAX_ADDRESSES)
    for (const [j, address] of addresses.entries()) validateAddress(type, address, `${at}.addresses`, j, causes)
    if (nodeName !== undefined) causes.invalid(`${at}.nodeName`, nodeName, checkSubdomain(nodeName))
    if (hostname !== undefined) causes.invalid(`${at}.hostname`, hostname, checkLabel(hostname))
  }
}

export function validateEndpoints(endpoints: Endpoints, causes: Causes): void {
  for (const [i, { addresses = [], notReadyAddresses = [], ports = [] }] of (endpoints.subsets ?? []).entries()) {
    const at = `subsets[${i}]`
    if (addresses.length + notReadyAddresses.length === 0) {
      causes.required(at, 'must specify `addresses` or `notReadyAddresses`')
    }
    for (const [list, name] of [
      [addresses, 'addresses'],
      [notReadyAddresses, 'notReadyAddresses'],
    ] as const) {
      for (const [j, { ip, hostname, nodeName }] of list.entries()) {
        const field = `${at}.${name}[${j}]`
        if (validateIpAddress(`${field}.ip`, ip ?? '', causes)) validateUsableAddress(`${field}.ip`, ip, causes)
        else causes.invalid(`${field}.ip`, ip ?? '', 'must be a valid IP address')
        if (hostname) causes.invalid(`${field}.hostname`, hostname, checkLabel(hostname))
        if (nodeName !== undefined) causes.invalid(`${field}.nodeName`, nodeName, checkSubdomain(nodeName))
      }
    }
    for (const [j, port] of ports.entries()) {
      const field = `${at}.ports[${j}]`
      if (!port.name && ports.length > 1) causes.required(`${field}.name`)
      causes.invalid(`${field}.port`, port.port ?? 0, checkPortNumber(port.port ?? 0))
      validatePort(port, field, causes)
    }
  }
}

function validateSlicePorts(ports: readonly EndpointPort[], causes: Causes): void {
  if (ports.length > MAX_PORTS) {
    causes.tooMany('ports', ports.length, MAX_PORTS)
    return
  }
  const names = new Set<string | undefined>()
  for (const [i, port] of ports.entries()) {
    if (names.has(port.name)) causes.duplicate(`ports[${i}].name`, port.name)
    names.add(port.name)
    validatePort(port, `ports[${i}]`, causes)
  }
}

function validatePort({ name, protocol, appProtocol }: EndpointPort, at: string, causes: Causes): void {
  if (name) causes.invalid(`${at}.name`, name, checkLabel(name))
  validateProtocol(protocol, `${at}.protocol`, causes)
  if (appProtocol !== undefined) causes.invalid(`${at}.appProtocol`, appProtocol, checkQualifiedName(appProtocol))
}

function validateAddress(type: string, address: string, field: string, index: number, causes: Causes): void {
  const at = `${field}[${index}]`
  if (type === 'FQDN') {
    if (address === '') causes.required(at)
    else causes.invalid(at, address, checkDomainName(address))
    return
  }
  if ((type !== 'IPv4' && type !== 'IPv6') || !validateIpAddress(at, address, causes)) return
  if (familyOf(address) !== type) causes.invalid(field, address, `must be an ${type} address`)
  validateUsableAddress(at, address, causes)
}
