import { familyOf, isMappedIpv4, parseAddress, unusableAs } from '../address.ts'
import type { IpFamily } from '../address.ts'
import { isHeadless } from '../shapes.ts'
import type { ServiceSpec } from '../shapes.ts'
import type { Causes } from './causes.ts'

// The linked fields clusterIP, clusterIPs, ipFamilies and ipFamilyPolicy (KEP-563 dual-stack).

const FAMILIES = ['IPv4', 'IPv6'] as const
const POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'] as const

/** Says what is wrong with the text of an address; true when nothing is. */
export function validateIpAddress(field: string, ip: string, causes: Causes): boolean {
  const address = parseAddress(ip)
  if (address && !isMappedIpv4(address)) return true
  if (address) causes.invalid(field, ip, 'must not be an IPv4-mapped IPv6 address')
  else if (/^\d+(\.\d+){3}$/.test(ip) && ip.split('.').every(octet => Number(octet) < 256)) {
    causes.invalid(field, ip, 'must not have leading 0s')
  } else causes.invalid(field, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')
  return false
}

/** Refuses addresses that cannot be an endpoint's: loopback, link-local and the like. */
export function validateUsableAddress(field: string, ip: string, causes: Causes): void {
  const address = parseAddress(ip)
  const problem = address && unusableAs(address)
  if (problem !== undefined) causes.invalid(field, ip, problem)
}

export function validateClusterIps(spec: ServiceSpec, before: ServiceSpec | undefined, causes: Causes): void {
  if (spec.type === 'ExternalName') return
  const ips = spec.clusterIPs ?? []
  if (spec.clusterIP !== undefined) {
    if (ips.length === 0) causes.required('spec.clusterIPs')
    else if (ips[0] !== spec.clusterIP) causes.invalid('spec.clusterIPs', ips, 'first value must match `clusterIP`')
  } else if (ips.length > 0) {
    causes.invalid('spec.clusterIPs', ips, 'must be empty when `clusterIP` is not specified')
  }
  validateFamilies(spec, causes)
  let areAddresses = true
  for (const [i, ip] of ips.entries()) {
    if (i === 0 && ip === 'None') {
      if (ips.length === 1) continue
      causes.invalid('spec.clusterIPs', ips, "'None' must be the first and only value")
      areAddresses = false
    } else if (!before?.clusterIPs?.includes(ip)) {
      areAddresses = validateIpAddress(`spec.clusterIPs[${i}]`, ip, causes) && areAddresses
    }
  }
  if (ips.length > 2) causes.invalid('spec.clusterIPs', ips, 'may only hold up to 2 values')
  if (!areAddresses) return
  if (ips.length > 1 && new Set(ips.map(familyOf)).size < 2) {
    causes.invalid('spec.clusterIPs', ips, 'may specify no more than one IP for each IP family')
  }
  if (isHeadless(spec)) return
  for (const [i, ip] of ips.entries()) {
    const family = spec.ipFamilies?.[i]
    if (family !== undefined && familyOf(ip) !== family && (FAMILIES as readonly string[]).includes(family)) {
      causes.invalid(`spec.clusterIPs[${i}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``)
    }
  }
}

/** What may not change once a Service has addresses. */
export function validateClusterIpChange(spec: ServiceSpec, before: ServiceSpec, causes: Causes): void {
  if (spec.type === 'ExternalName' || before.type === 'ExternalName') return
  const [ips, oldIps] = [spec.clusterIPs ?? [], before.clusterIPs ?? []]
  const wasHeadless = isHeadless(before)
  if (wasHeadless && isHeadless(spec)) return
  const kept = Math.min(ips.length, oldIps.length)
  if (ips.length === 0 && oldIps.length > 0) {
    causes.invalid('spec.clusterIPs[0]', spec.clusterIPs, 'primary clusterIP can not be unset')
  }
  const compared = ips.length === oldIps.length ? kept : Math.min(kept, 1)
  for (let i = 0; i < compared; i++) {
    if (ips[i] !== oldIps[i]) causes.invalid(`spec.clusterIPs[${i}]`, ips, 'may not change once set')
  }
  if (wasHeadless !== isHeadless(spec)) return
  const [families, oldFamilies] = [spec.ipFamilies ?? [], before.ipFamilies ?? []]
  const isChanged =
    families.length === oldFamilies.length
      ? families.some((family, i) => family !== oldFamilies[i])
      : families.length > 0 && oldFamilies.length > 0 && families[0] !== oldFamilies[0]
  if (isChanged) causes.invalid('spec.ipFamilies[0]', families, 'may not change once set')
}

/**
 * Settles ipFamilyPolicy and ipFamilies, in place, from what the client gave and what the cluster has: `clusterFamilies` in the
 * order of its ranges, the first being the default. `isLenient`: two addresses need no policy that allows two.
 */
export function settleFamilies(
  spec: ServiceSpec,
  before: ServiceSpec | undefined,
  clusterFamilies: readonly IpFamily[],
  isLenient: boolean,
  causes: Causes,
): void {
  if (spec.type === 'ExternalName') return
  const isSelectorless = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0
  if (!spec.ipFamilyPolicy)
    spec.ipFamilyPolicy = before?.ipFamilyPolicy ?? defaultPolicy(spec, isSelectorless, isLenient)
  const policy = spec.ipFamilyPolicy
  if (before) releaseSecond(spec, before, causes)
  if (policy === 'SingleStack') {
    for (const [field, what] of [
      ['clusterIPs', 'cluster IPs'],
      ['ipFamilies', 'IP families'],
    ] as const) {
      if (spec[field]?.length !== 2) continue
      const detail = `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`
      causes.invalid('spec.ipFamilyPolicy', policy, detail)
    }
  }
  const families = (spec.ipFamilies ??= [])
  for (const [i, ip] of (spec.clusterIPs ?? []).entries()) {
    const family = familyOf(ip)
    if (family === undefined || i < families.length) continue
    if (!clusterFamilies.includes(family) && !isLenient) {
      causes.invalid(`spec.clusterIPs[${i}]`, spec.clusterIPs, `${family} is not configured on this cluster`)
    } else families.push(family)
  }
  if (causes.list.length > 0) return
  if (families.length === 0) families.push(clusterFamilies[0] ?? 'IPv4')
  if (isSelectorless) {
    // Endpoints that are written by hand may have any family, whatever the cluster's ranges are.
    if (families.length < 2 && policy !== 'SingleStack') families.push(otherFamily(families[0]))
    return
  }
  if (policy === 'RequireDualStack' && clusterFamilies.length < 2) {
    causes.invalid('spec.ipFamilyPolicy', policy, 'this cluster is not configured for dual-stack services')
  }
  for (const [i, family] of families.entries()) {
    if (!clusterFamilies.includes(family) && !isLenient) {
      causes.invalid(`spec.ipFamilies[${i}]`, family, 'not configured on this cluster')
    }
  }
  const isDual = policy !== 'SingleStack' && clusterFamilies.length === 2
  if (isDual && families.length === 1 && !isSettledPreference(spec, before)) families.push(otherFamily(families[0]))
}

function validateFamilies(spec: ServiceSpec, causes: Causes): void {
  const families = spec.ipFamilies ?? []
  for (const [i, family] of families.entries()) {
    if (!(FAMILIES as readonly string[]).includes(family)) {
      causes.notSupported(`spec.ipFamilies[${i}]`, family, FAMILIES)
    }
    if (families.indexOf(family) < i) causes.duplicate(`spec.ipFamilies[${i}]`, family)
  }
  const policy = spec.ipFamilyPolicy
  if (policy && !(POLICIES as readonly string[]).includes(policy)) {
    causes.notSupported('spec.ipFamilyPolicy', policy, POLICIES)
  }
}

function defaultPolicy(spec: ServiceSpec, isSelectorless: boolean, isLenient: boolean): string {
  const isDual = spec.clusterIPs?.length === 2 || spec.ipFamilies?.length === 2
  return isSelectorless || (isLenient && isDual) ? 'RequireDualStack' : 'SingleStack'
}

// The change to one family has to be said: by the policy, not by leaving an entry out.
function releaseSecond(spec: ServiceSpec, before: ServiceSpec, causes: Causes): void {
  for (const [field, what] of [
    ['clusterIPs', 'cluster IP'],
    ['ipFamilies', 'IP family'],
  ] as const) {
    const [now, then] = [spec[field] ?? [], before[field] ?? []]
    if (spec.ipFamilyPolicy !== 'SingleStack') {
      if (now.length > 0 && now.length < then.length) {
        const detail = `must be 'SingleStack' to release the secondary ${what}`
        causes.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, detail)
      }
    } else if (now.length > 1 && now.length === then.length && now.every((entry, i) => entry === then[i])) {
      now.length = 1
    }
  }
}

// A Service that prefers two families is not given a second one later just because the cluster has it now.
function isSettledPreference(spec: ServiceSpec, before: ServiceSpec | undefined): boolean {
  return (
    spec.ipFamilyPolicy === 'PreferDualStack' &&
    before?.ipFamilyPolicy === 'PreferDualStack' &&
    before.type === spec.type
  )
}

function otherFamily(family: IpFamily | undefined): IpFamily {
  return family === 'IPv4' ? 'IPv6' : 'IPv4'
}
