// Domain names have two forms. On the wire a name is octets: each label after its length, ended by the root's zero (RFC 1035
// section 3.1). For people it is text, with dots between labels and `\.` or `\ddd` for what would be misread (section 5.1).
// The server works on octets only; text is for configuration, logs and tests. Case folds for ASCII alone (RFC 4343 section 3).

import { MAX_LABEL_LENGTH, MAX_NAME_LENGTH } from './constants.ts'

/** An absolute name in wire form, root's zero included. */
export type WireName = Uint8Array

const DOT = 0x2e
const BACKSLASH = 0x5c

/** Folds one octet to lower case (RFC 4343 section 3). */
export const lowerOctet = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet)

/**
 * Text to wire form. A missing dot at the end is supplied; `.` and the empty text are the root.
 * Returns undefined for what is not a name: an empty label, one over 63 octets, more than 255 in all, a broken escape.
 */
export function parseName(text: string): WireName | undefined {
  if (text === '.' || text === '') return Uint8Array.of(0)
  const octets = Buffer.from(text, 'utf8')
  const wire = new Uint8Array(octets.length + 2)
  let lengthAt = 0
  let at = 1
  for (let i = 0; i < octets.length; i++) {
    let octet = octets[i]
    if (octet === DOT) {
      if (!closeLabel(wire, lengthAt, at)) return undefined
      lengthAt = at++
      continue
    }
    if (octet === BACKSLASH) {
      const digits = text.length > 0 ? octets.toString('latin1', i + 1, i + 4) : ''
      if (/^\d{3}$/.test(digits)) {
        octet = Number(digits)
        if (octet > 255) return undefined
        i += 3
      } else {
        i++
        if (i === octets.length) return undefined
        octet = octets[i]
      }
    }
    wire[at++] = octet
  }
  if (at - lengthAt > 1) {
    if (!closeLabel(wire, lengthAt, at)) return undefined
    lengthAt = at++
  }
  wire[lengthAt] = 0
  return at <= MAX_NAME_LENGTH ? wire.slice(0, at) : undefined
}

function closeLabel(wire: Uint8Array, lengthAt: number, at: number): boolean {
  const length = at - lengthAt - 1
  if (length === 0 || length > MAX_LABEL_LENGTH) return false
  wire[lengthAt] = length
  return true
}

/** Wire form at `at` to absolute text. The name must be whole and without pointers. */
export function formatName(bytes: Uint8Array, at = 0): string {
  if (bytes[at] === 0) return '.'
  let text = ''
  while (bytes[at] !== 0) {
    const end = at + 1 + bytes[at]
    for (at++; at < end; at++) text += formatOctet(bytes[at])
    text += '.'
  }
  return text
}

// RFC 4343 section 2.1 and RFC 1035 section 5.1: what is not printable as \ddd, what has a meaning of its own with a backslash.
function formatOctet(octet: number): string {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`
  const character = String.fromCharCode(octet)
  return '."();@$\\'.includes(character) ? `\\${character}` : character
}

/** The length of the wire name at `at`, root included. The name must be whole and without pointers. */
export function nameLength(bytes: Uint8Array, at = 0): number {
  let end = at
  while (bytes[end] !== 0) end += bytes[end] + 1
  return end - at + 1
}

/** A lower-case copy. Length octets are below 64 and so never change. */
export function lowerName(name: WireName): WireName {
  return name.map(lowerOctet)
}

/** FNV-1a over a lower-case wire name, as a signed 32-bit integer: the hash of the zone image and of `Query`. */
export function hashName(bytes: Uint8Array, at: number, length: number): number {
  let hash = HASH_SEED
  for (let i = at; i < at + length; i++) hash = hashOctet(hash, bytes[i])
  return hash
}

export const HASH_SEED = 0x811c9dc5 | 0
export const hashOctet = (hash: number, octet: number): number => Math.imul(hash ^ octet, 0x01000193)

/** Whether `name` is `origin` or below it; both lower-case wire names. */
export function isSubdomain(name: WireName, origin: WireName): boolean {
  const skip = name.length - origin.length
  if (skip < 0) return false
  let at = 0
  while (at < skip) at += name[at] + 1
  if (at !== skip) return false
  for (let i = 0; i < origin.length; i++) if (name[skip + i] !== origin[i]) return false
  return true
}
