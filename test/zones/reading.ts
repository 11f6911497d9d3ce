// What an image answers, decoded from whole messages: shares nothing with the code that it checks but the layout's accessors.

import { type WireName, formatName } from '../../src/wire/name.ts'
import type { AdditionalRecord, Rrset } from '../../src/wire/rrset.ts'
import { type ZoneImage, NO_BLOCK, NO_ENTRY } from '../../src/zones/image.ts'
import { type DecodedRecord, buildQuery, decode } from '../server/message.ts'

/** Owner, type, TTL and rdata of each record, as text. */
export interface Records {
  readonly answer: string[]
  readonly additional: string[]
}

/** The set of a type at a name; undefined where the name does not exist, 'none' where it has no such set. */
export function readSet(image: ZoneImage, name: WireName, type: number): Records | 'none' | undefined {
  const block = image.lookup(name, 0, name.length)
  if (block === NO_BLOCK) return undefined
  const entry = image.entry(block, type)
  if (entry === NO_ENTRY) return 'none'
  return decodeSet(name, type, {
    answer: slice(image, image.offset(block, entry), image.length(entry)),
    answerCount: image.count(entry),
    additional: slice(image, image.additionalOffset(block, entry), image.additionalLength(entry)),
    additionalCount: image.additionalCount(entry),
  })
}

const slice = (image: ZoneImage, from: number, length: number): Buffer => image.bytes.subarray(from, from + length)

export interface EncodedSet {
  readonly answer: Uint8Array
  readonly answerCount: number
  readonly additional: Uint8Array
  readonly additionalCount: number
}

/** Puts encoded records behind their question and decodes the whole. */
export function decodeSet(name: WireName, type: number, set: EncodedSet): Records {
  const { answerCount: ancount, additionalCount: arcount } = set
  const head = buildQuery({ rawName: name, type, ancount, arcount, flags: 0x8400 })
  const message = decode(Buffer.concat([head, set.answer, set.additional]))
  return { answer: message.answers.map(formatDecoded), additional: message.additionals.map(formatDecoded) }
}

const formatDecoded = ({ owner, type, ttl, rdata }: DecodedRecord): string =>
  `${owner} ${ttl} ${type} ${rdata.toString('hex')}`

/** The same text straight from what was published. */
export function expectSet(name: WireName, { type, ttlSeconds, rdata, additional = [] }: Rrset): Records {
  return {
    answer: rdata.map(rdata => formatPublished({ owner: name, type, ttlSeconds, rdata })),
    additional: additional.map(formatPublished),
  }
}

const formatPublished = ({ owner, type, ttlSeconds, rdata }: AdditionalRecord): string =>
  `${formatName(owner)} ${ttlSeconds} ${type} ${Buffer.from(rdata).toString('hex')}`
