import { AddressPool, familyOf, formatAddress, parseAddress } from '../address.ts'
import type { Address, IpFamily } from '../address.ts'
import { ApiError } from '../object.ts'
import { isHeadless } from '../shapes.ts'
import type { ServiceSpec } from '../shapes.ts'
import type { Causes } from './causes.ts'
import { needsHealthCheck, needsNodePorts } from './service.ts'

export interface AllocationOptions {
  /** At most one range of each family; the first gives the cluster's default family. */
  serviceCidrs: readonly string[]
  /** First and last node port. */
  nodePorts: readonly [number, number]
}

/** Gives Services their cluster IPs and node ports, and takes them back. */
export class ServiceAllocator {
  readonly families: readonly IpFamily[]
  readonly #pools: readonly AddressPool[]
  readonly #firstPort: number
  readonly #lastPort: number
  readonly #ports = new Set<number>()
  #nextPort: number

  constructor({ serviceCidrs, nodePorts }: AllocationOptions) {
    // KEP-3070: the lower part of a range is left to Services that name their address.
    this.#pools = serviceCidrs.map(cidr => new AddressPool(cidr, staticBand(cidr) + 1))
    this.families = this.#pools.map(pool => pool.family)
    if (this.families.length === 0 || new Set(this.families).size < this.families.length) {
      throw new Error(`service ranges "${serviceCidrs.join(',')}": give one range, or one of each family`)
    }
    this.#firstPort = nodePorts[0]
    this.#lastPort = nodePorts[1]
    this.#nextPort = this.#firstPort
  }

  /**
   * Completes `spec` in place, and takes what it names and `before` did not hold. Nothing is taken when there are causes.
   * `isAnyIpAllowed`: addresses outside the ranges and addresses that are taken are no causes.
   */
  allocate(spec: ServiceSpec, before: ServiceSpec | undefined, isAnyIpAllowed: boolean, causes: Causes): void {
    const heldIps = new Set(clusterIpsOf(before))
    const heldPorts = new Set(nodePortsOf(before))
    const newIps = clusterIpsOf(spec).filter(ip => !heldIps.has(ip))
    const newPorts = new Set(nodePortsOf(spec).filter(port => !heldPorts.has(port)))
    if (!isAnyIpAllowed) for (const ip of newIps) this.#checkIp(ip, spec, causes)
    for (const port of newPorts) this.#checkPort(port, spec, causes)
    if (causes.list.length > 0) return
    for (const ip of newIps) this.#poolOf(ip)?.take(addressOf(ip))
    for (const port of newPorts) this.#ports.add(port)
    this.#fillIps(spec)
    this.#fillPorts(spec)
    this.#releaseAllBut(spec, before)
  }

  release(spec: ServiceSpec): void {
    this.#releaseAllBut({}, spec)
  }

  #releaseAllBut(spec: ServiceSpec, before: ServiceSpec | undefined): void {
    const [keptIps, keptPorts] = [clusterIpsOf(spec), nodePortsOf(spec)]
    for (const ip of clusterIpsOf(before)) {
      if (!keptIps.includes(ip)) this.#poolOf(ip)?.release(addressOf(ip))
    }
    for (const port of nodePortsOf(before)) {
      if (!keptPorts.includes(port)) this.#ports.delete(port)
    }
  }

  #checkIp(ip: string, spec: ServiceSpec, causes: Causes): void {
    const pool = this.#pools.find(pool => pool.family === familyOf(ip))
    const address = addressOf(ip)
    let problem: string | undefined
    if (!pool?.isHost(address)) {
      const range = pool?.cidr ?? 'none'
      problem = `the provided IP (${formatAddress(address)}) is not in the valid range. The range of valid IPs is ${range}`
    } else if (pool.isTaken(address)) problem = 'provided IP is already allocated'
    if (problem !== undefined) {
      causes.invalid('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${ip}: ${problem}`)
    }
  }

  #checkPort(port: number, spec: ServiceSpec, causes: Causes): void {
    let problem: string | undefined
    if (port < this.#firstPort || port > this.#lastPort) {
      const range = `${this.#firstPort}-${this.#lastPort}`
      problem = `provided port is not in the valid range. The range of valid ports is ${range}`
    } else if (this.#ports.has(port)) problem = 'provided port is already allocated'
    if (problem === undefined) return
    const index = spec.ports?.findIndex(entry => entry.nodePort === port) ?? -1
    causes.invalid(index < 0 ? 'spec.healthCheckNodePort' : `spec.ports[${index}].nodePort`, port, problem)
  }

  #fillIps(spec: ServiceSpec): void {
    if (spec.type === 'ExternalName' || isHeadless(spec)) return
    const ips = (spec.clusterIPs ??= [])
    for (const family of (spec.ipFamilies ?? []).slice(ips.length)) {
      const ip = this.#pools.find(pool => pool.family === family)?.allocate()
      if (ip === undefined) throw exhausted('a serviceIP')
      ips.push(ip)
    }
    // With only one range of a lenient cluster, a family without a range has no address.
    const [first] = ips
    if (first !== undefined) spec.clusterIP = first
  }

  #fillPorts(spec: ServiceSpec): void {
    if (needsHealthCheck(spec)) spec.healthCheckNodePort ??= this.#allocatePort()
    const isWanted = needsNodePorts(spec) && spec.allocateLoadBalancerNodePorts !== false
    if (!isWanted) return
    const byPort = new Map<number, number>()
    for (const port of spec.ports ?? []) if (port.nodePort !== undefined) byPort.set(port.port, port.nodePort)
    for (const port of spec.ports ?? []) {
      // The same port over TCP and UDP (DNS) gets one number.
      port.nodePort ??= byPort.get(port.port) ?? this.#allocatePort()
      byPort.set(port.port, port.nodePort)
    }
  }

  #allocatePort(): number {
    const size = this.#lastPort - this.#firstPort + 1
    for (let tries = 0; tries < size; tries++) {
      const port = this.#nextPort
      this.#nextPort = port === this.#lastPort ? this.#firstPort : port + 1
      if (this.#ports.has(port)) continue
      this.#ports.add(port)
      return port
    }
    throw exhausted('a nodePort')
  }

  #poolOf(ip: string): AddressPool | undefined {
    const address = addressOf(ip)
    return this.#pools.find(pool => pool.contains(address))
  }
}

function exhausted(what: string): ApiError {
  return new ApiError(500, 'InternalError', `Internal error occurred: failed to allocate ${what}: range is full`)
}

function staticBand(cidr: string): number {
  const [base, length] = cidr.split('/')
  const bits = (familyOf(base ?? '') === 'IPv4' ? 32 : 128) - Number(length)
  return bits < 5 ? 0 : Math.min(Math.max(16, 2 ** bits / 16), 256)
}

function clusterIpsOf(spec: ServiceSpec | undefined): string[] {
  if (!spec || spec.type === 'ExternalName') return []
  return (spec.clusterIPs ?? []).filter(ip => ip !== 'None')
}

function nodePortsOf(spec: ServiceSpec | undefined): number[] {
  if (!spec) return []
  const ports = (spec.ports ?? []).flatMap(port => port.nodePort ?? [])
  return spec.healthCheckNodePort === undefined ? ports : [...ports, spec.healthCheckNodePort]
}

function addressOf(ip: string): Address {
  const address = parseAddress(ip)
  if (!address) throw new Error(`"${ip}" is not an address: validation comes before allocation`)
  return address
}
