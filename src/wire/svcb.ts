// The parameters of SVCB and HTTPS records (RFC 9460 sections 2.1 and 7, appendix A).

import { parseAddress } from './address.ts'
import { RecordError, type Word, decodeBase64, decodeText, encodeInteger } from './word.ts'

const KEYS: readonly string[] = [
  'mandatory',
  'alpn',
  'no-default-alpn',
  'port',
  'ipv4hint',
  'ech',
  'ipv6hint',
  'dohpath',
  'ohttp',
]
const MAX_KEY = 65_534

interface Parameter {
  readonly key: number
  readonly value: Uint8Array
}

/** Words such as `alpn=h2,h3` and `ech="…"`, in any order, to parameters in that of their keys. Throws RecordError. */
export function encodeParameters(words: readonly Word[]): Uint8Array {
  const parameters: Parameter[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const next = words[i + 1]
    const isValue = next?.isQuoted && next.isGlued && word.text.endsWith('=')
    const parameter = readParameter(isValue ? { ...word, text: word.text + next.text } : word)
    if (isValue) i++
    if (parameters.some(({ key }) => key === parameter.key)) {
      throw new RecordError(word.column, `'${word.text}' is the second of its key`)
    }
    parameters.push(parameter)
  }
  parameters.sort((a, b) => a.key - b.key)
  return Buffer.concat(
    parameters.flatMap(({ key, value }) => [encodeInteger(key, 2), encodeInteger(value.length, 2), value]),
  )
}

function readParameter({ text, column }: Word): Parameter {
  const [, name, value] = /^([a-z\d-]+)(?:=([^]*))?$/.exec(text) ?? []
  const key = name === undefined ? undefined : readKey(name)
  if (name === undefined || key === undefined) throw new RecordError(column, `'${text}' has no key that is known`)
  return { key, value: encodeValue(name, value, column) }
}

function readKey(name: string): number | undefined {
  const known = KEYS.indexOf(name)
  if (known >= 0) return known
  const number = /^key(0|[1-9]\d{0,4})$/.exec(name)?.[1]
  return number !== undefined && Number(number) <= MAX_KEY ? Number(number) : undefined
}

function encodeValue(name: string, value: string | undefined, column: number): Uint8Array {
  const refuse = (what: string): RecordError => new RecordError(column, `${name}: ${what}`)
  switch (name) {
    case 'no-default-alpn':
    case 'ohttp':
      if (value !== undefined) throw refuse('it has no value')
      return new Uint8Array(0)
    case 'mandatory': {
      const keys = readList(value).map(item => readKey(item.toString()) ?? 0)
      // Key 0 is `mandatory` itself, which cannot be in its list (section 8).
      if (keys.length === 0 || keys.includes(0)) throw refuse('a list of keys is its value')
      return Buffer.concat(keys.sort((a, b) => a - b).map(key => encodeInteger(key, 2)))
    }
    case 'alpn': {
      const protocols = readList(value)
      if (protocols.length === 0 || protocols.some(({ length }) => length === 0 || length > 255)) {
        throw refuse('a list of protocols is its value')
      }
      return Buffer.concat(protocols.flatMap(item => [Buffer.of(item.length), item]))
    }
    case 'port':
      if (value === undefined || !/^\d{1,5}$/.test(value) || Number(value) > 65_535) throw refuse('a port is its value')
      return encodeInteger(Number(value), 2)
    case 'ipv4hint':
    case 'ipv6hint': {
      const addresses = readList(value).map(item => parseAddress(item.toString()))
      const length = name === 'ipv4hint' ? 4 : 16
      if (addresses.length === 0 || !addresses.every(address => address?.length === length)) {
        throw refuse('a list of addresses is its value')
      }
      return Buffer.concat(addresses as Uint8Array[])
    }
    case 'ech':
      return decodeBase64(value ?? '', column)
    default:
      return decodeText({ text: value ?? '', column })
  }

  /** Appendix A.1: commas between items, `\,` and `\\` within. */
  function readList(text = ''): Buffer[] {
    const octets = Buffer.from(decodeText({ text, column })).toString('latin1')
    if (octets === '') return []
    const items = octets.match(/(?:^|,)((?:[^,\\]|\\[^])*)/g) ?? []
    return items.map(item => Buffer.from(item.replace(/^,/, '').replaceAll(/\\([^])/g, '$1'), 'latin1'))
  }
}
