// What a cluster takes, from its size: resident memory when it is quiet, and the most while everything is listed anew.

import type { Size } from './objects.ts'

/** MiB of a process that serves an empty cluster. */
const EMPTY_MIB = 45
/** Octets of each. */
const SERVICE = 1_000
const ENDPOINT = 640
const VERIFIED_POD = 140
/** Of the program, what is used again comes back; V8 collects its heap when that has grown by some MB. */
const RELIST_MIB = 20

export const FORMULA = { EMPTY_MIB, SERVICE, ENDPOINT, VERIFIED_POD, RELIST_MIB } as const

/** MiB. */
export function predict(
  { services, endpointsEach, pods }: Size,
  isVerified: boolean,
): { steady: number; peak: number } {
  const octets = services * SERVICE + services * endpointsEach * ENDPOINT + (isVerified ? pods * VERIFIED_POD : 0)
  const steady = EMPTY_MIB + octets / 2 ** 20
  return { steady, peak: steady + RELIST_MIB }
}
