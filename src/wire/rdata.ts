// The data of resource records, from words to octets. What a type has is a row of a table; every other type can be written as RFC 3597 section 5
// has it: `\# LENGTH HEX`.

import { parseAddress } from './address.ts'
import { Type, formatType } from './constants.ts'
import type { WireName } from './name.ts'
import { encodeParameters } from './svcb.ts'
import {
  RecordError,
  type Word,
  decodeBase64,
  decodeText,
  encodeInteger,
  endColumn,
  readName,
  readTtl,
} from './word.ts'

/** How one field is written, and what it is on the wire. */
type Field =
  | 'ipv4'
  | 'ipv6'
  | 'name'
  | 'u8'
  | 'u16'
  | 'u32'
  | 'seconds'
  // A character-string (RFC 1035 section 3.3), as many as there are, and one that may be left out.
  | 'string'
  | 'strings'
  | 'string?'
  // Octets to the end.
  | 'text'
  | 'hex'
  | 'base64'
  | 'parameters'

const FIELDS: ReadonlyMap<number, readonly Field[]> = new Map<number, readonly Field[]>([
  [Type.A, ['ipv4']],
  [Type.AAAA, ['ipv6']],
  [Type.NS, ['name']],
  [Type.CNAME, ['name']],
  [Type.PTR, ['name']],
  [39 /* DNAME */, ['name']],
  [Type.MX, ['u16', 'name']],
  [18 /* AFSDB */, ['u16', 'name']],
  [17 /* RP */, ['name', 'name']],
  [36 /* KX */, ['u16', 'name']],
  [Type.SRV, ['u16', 'u16', 'u16', 'name']],
  [Type.SOA, ['name', 'name', 'u32', 'seconds', 'seconds', 'seconds', 'seconds']],
  [Type.TXT, ['strings']],
  [99 /* SPF */, ['strings']],
  [Type.HINFO, ['string', 'string?']],
  [Type.CAA, ['u8', 'string', 'text']],
  [256 /* URI */, ['u16', 'u16', 'text']],
  [Type.NAPTR, ['u16', 'u16', 'string', 'string', 'string', 'name']],
  [Type.DS, ['u16', 'u8', 'u8', 'hex']],
  [59 /* CDS */, ['u16', 'u8', 'u8', 'hex']],
  [44 /* SSHFP */, ['u8', 'u8', 'hex']],
  [52 /* TLSA */, ['u8', 'u8', 'u8', 'hex']],
  [53 /* SMIMEA */, ['u8', 'u8', 'u8', 'hex']],
  [Type.DNSKEY, ['u16', 'u8', 'u8', 'base64']],
  [60 /* CDNSKEY */, ['u16', 'u8', 'u8', 'base64']],
  [61 /* OPENPGPKEY */, ['base64']],
  [Type.SVCB, ['u16', 'name', 'parameters']],
  [Type.HTTPS, ['u16', 'name', 'parameters']],
])

const MAX_RDATA_LENGTH = 65_535
const MAX_STRING_LENGTH = 255

/** `end` is the column behind the type, for complaints about what is missing. Throws RecordError. */
export function encodeRdata(type: number, words: readonly Word[], origin: WireName, end: number): Uint8Array {
  const fields = FIELDS.get(type)
  const isGeneric = words[0]?.text === '\\#' && !words[0].isQuoted
  if (!fields && !isGeneric) {
    throw new RecordError(
      words[0]?.column ?? end,
      `the data of ${formatType(type)} has to be written as \\# LENGTH HEX`,
    )
  }
  const reader = new Reader(words, origin, end)
  const rdata = isGeneric ? reader.readGeneric() : Buffer.concat(fields!.map(field => reader.read(field)))
  reader.end()
  if (rdata.length > MAX_RDATA_LENGTH) throw new RecordError(end, `${rdata.length} octets of data`)
  return rdata
}

class Reader {
  readonly #words: readonly Word[]
  readonly #origin: WireName
  readonly #end: number
  #index = 0

  constructor(words: readonly Word[], origin: WireName, end: number) {
    this.#words = words
    this.#origin = origin
    this.#end = end
  }

  read(field: Field): Uint8Array {
    switch (field) {
      case 'ipv4':
        return this.#address(4, 'an IPv4 address')
      case 'ipv6':
        return this.#address(16, 'an IPv6 address')
      case 'name':
        return readName(this.#next('a name'), this.#origin)
      case 'u8':
        return this.#integer(1)
      case 'u16':
        return this.#integer(2)
      case 'u32':
        return this.#integer(4)
      case 'seconds':
        return encodeInteger(readTtl(this.#next('a time in seconds')), 4)
      case 'string':
        return encodeString(this.#next('a text'))
      case 'string?':
        return this.#index < this.#words.length ? this.read('string') : Uint8Array.of(0)
      case 'strings':
        this.#peek('a text')
        return Buffer.concat(this.#rest().map(encodeString))
      case 'text':
        return decodeText(this.#next('a text'))
      case 'hex':
        return this.#hex()
      case 'base64':
        return this.#base64()
      case 'parameters':
        return encodeParameters(this.#rest())
      default:
        return field satisfies never
    }
  }

  /** RFC 3597 section 5. */
  readGeneric(): Uint8Array {
    this.#index++
    const word = this.#peek('the length of the data')
    const length = this.#integer(2).reduce((value, octet) => value * 256 + octet, 0)
    const rdata = length === 0 && this.#index === this.#words.length ? new Uint8Array(0) : this.#hex()
    if (rdata.length === length) return rdata
    throw new RecordError(word.column, `${word.text} octets are said, ${rdata.length} written`)
  }

  end(): void {
    const word = this.#words[this.#index]
    if (word) throw new RecordError(word.column, `'${word.text}' is one word too many`)
  }

  #peek(what: string): Word {
    const word = this.#words[this.#index]
    if (word) return word
    const last = this.#words.at(-1)
    throw new RecordError(last ? endColumn(last) : this.#end, `${what} is missing`)
  }

  #next(what: string): Word {
    const word = this.#peek(what)
    this.#index++
    return word
  }

  #rest(): readonly Word[] {
    const rest = this.#words.slice(this.#index)
    this.#index = this.#words.length
    return rest
  }

  #address(length: number, what: string): Uint8Array {
    const { text, column } = this.#next(what)
    const address = parseAddress(text)
    if (address?.length === length) return address
    throw new RecordError(column, `'${text}' is not ${what}`)
  }

  #integer(length: 1 | 2 | 4): Uint8Array {
    const { text, column } = this.#next('a number')
    const max = 256 ** length - 1
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
    if (value <= max) return encodeInteger(value, length)
    throw new RecordError(column, `'${text}' is no number from 0 to ${max}`)
  }

  #hex(): Uint8Array {
    const { column } = this.#peek('hexadecimal digits')
    const text = this.#rest()
      .map(word => word.text)
      .join('')
    if (/^([\da-f]{2})+$/i.test(text)) return Buffer.from(text, 'hex')
    throw new RecordError(column, `'${text}' is not pairs of hexadecimal digits`)
  }

  #base64(): Uint8Array {
    const { column } = this.#peek('base64')
    const text = this.#rest()
      .map(word => word.text)
      .join('')
    return decodeBase64(text, column)
  }
}

function encodeString(word: Word): Uint8Array {
  const octets = decodeText(word)
  if (octets.length <= MAX_STRING_LENGTH) return Buffer.concat([Buffer.of(octets.length), octets])
  throw new RecordError(word.column, `a text of ${octets.length} octets; ${MAX_STRING_LENGTH} is the most`)
}
