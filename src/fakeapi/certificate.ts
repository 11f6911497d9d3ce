// A self-signed certificate for the HTTPS of this API: X.509 (RFC 5280) in DER (X.690), with a P-256 key.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'
import { parseAddress } from './address.ts'

export interface Certificate {
  /** PEM. It is its own CA: what a client is given as the certificate authority. */
  cert: string
  /** PEM, PKCS #8. */
  key: string
}

const dayMs = 24 * 60 * 60 * 1000

/** Valid from a day ago for a year, for these host names and IP addresses. */
export function makeCertificate(hosts: readonly string[], now = new Date()): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid.ecdsaWithSha256)
  const name = sequence(set(sequence(oid.commonName, encode(tag.utf8String, Buffer.from('kubezone fakeapi')))))
  const validity = sequence(utcTime(new Date(now.getTime() - dayMs)), utcTime(new Date(now.getTime() + 365 * dayMs)))
  const extensions = sequence(
    extension(oid.subjectAltName, sequence(...hosts.map(encodeHost)), false),
    // Go takes a certificate for an authority only when it says so.
    extension(oid.basicConstraints, sequence(encode(tag.boolean, Buffer.from([0xff]))), true),
  )
  const body = sequence(
    encode(tag.context0, integer(Buffer.from([2]))),
    integer(positive(randomBytes(16))),
    algorithm,
    name,
    validity,
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    encode(tag.context3, extensions),
  )
  const signature = sign('sha256', body, privateKey)
  const certificate = sequence(body, algorithm, encode(tag.bitString, Buffer.concat([Buffer.from([0]), signature])))
  return { cert: toPem(certificate), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }
}

const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  utf8String: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
  // GeneralName of RFC 5280, section 4.2.1.6.
  dnsName: 0x82,
  ipAddress: 0x87,
} as const

// Each with its tag and length.
const oid = {
  ecdsaWithSha256: Buffer.from('06082a8648ce3d040302', 'hex'),
  commonName: Buffer.from('0603550403', 'hex'),
  subjectAltName: Buffer.from('0603551d11', 'hex'),
  basicConstraints: Buffer.from('0603551d13', 'hex'),
} as const

function encode(tag: number, content: Buffer): Buffer {
  const { length } = content
  // X.690, section 8.1.3: the short form up to 127, else the count of length octets first.
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  const octets = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...octets]), content])
}

function sequence(...members: readonly Buffer[]): Buffer {
  return encode(tag.sequence, Buffer.concat(members))
}

function set(member: Buffer): Buffer {
  return encode(tag.set, member)
}

function integer(octets: Buffer): Buffer {
  return encode(tag.integer, octets)
}

// The first bit is the sign, and the first octet must not be in vain.
function positive(octets: Buffer): Buffer {
  octets[0] = ((octets[0] ?? 0) & 0x7f) | 0x40
  return octets
}

function utcTime(time: Date): Buffer {
  const digits = time.toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)
  return encode(tag.utcTime, Buffer.from(`${digits}Z`))
}

function extension(id: Buffer, value: Buffer, critical: boolean): Buffer {
  const mark = critical ? [encode(tag.boolean, Buffer.from([0xff]))] : []
  return sequence(id, ...mark, encode(tag.octetString, value))
}

function encodeHost(host: string): Buffer {
  const family = isIP(host)
  if (family === 0) return encode(tag.dnsName, Buffer.from(host))
  const octets = family === 4 ? 4 : 16
  const value = parseAddress(host)?.value ?? 0n
  return encode(tag.ipAddress, Buffer.from(value.toString(16).padStart(octets * 2, '0'), 'hex'))
}

function toPem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
