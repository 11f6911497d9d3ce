// The endpoints of a slice, kept as one text: as objects they take three times as much, and most slices are looked at once in their life.

import { intern } from './intern.ts'
import type { SlimEndpoint } from './slim.ts'

/** An endpoint in the text; most have one address. */
type Packed = readonly [addresses: string | readonly string[], hostname: string, podName: string, zone: string]

const NONE: readonly SlimEndpoint[] = Object.freeze([])

/** In one place: to V8, objects that are made in two are of two kinds, and what reads both is slower. */
export const makeEndpoint = (
  addresses: readonly string[],
  hostname: string,
  podName: string,
  zone: string,
): SlimEndpoint => Object.freeze({ addresses, hostname, podName, zone: intern(zone) })

/** A function that gives them back. */
export function packEndpoints(endpoints: readonly SlimEndpoint[]): () => readonly SlimEndpoint[] {
  if (endpoints.length === 0) return () => NONE
  const packed = endpoints.map(({ addresses, hostname, podName, zone }): Packed => {
    const [only] = addresses
    return [addresses.length === 1 ? only : addresses, hostname, podName, zone]
  })
  const text = JSON.stringify(packed)
  remember(text, endpoints)
  return () => unpack(text)
}

// What is done with a slice is done several times in a row, and mostly with what it was before, too.
let lastText = ''
let lastEndpoints = NONE
let otherText = ''
let otherEndpoints = NONE

function remember(text: string, endpoints: readonly SlimEndpoint[]): void {
  otherText = lastText
  otherEndpoints = lastEndpoints
  lastText = text
  lastEndpoints = endpoints
}

function unpack(text: string): readonly SlimEndpoint[] {
  if (text === lastText) return lastEndpoints
  if (text === otherText) return otherEndpoints
  const packed = JSON.parse(text) as readonly Packed[]
  const endpoints = packed.map(([addresses, hostname, podName, zone]) =>
    makeEndpoint(Object.freeze(typeof addresses === 'string' ? [addresses] : addresses), hostname, podName, zone),
  )
  remember(text, Object.freeze(endpoints))
  return endpoints
}
