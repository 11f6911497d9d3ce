// Reads a part of a JSON document without building the rest: of a Pod of 5,000 octets DNS needs 200. What is left out is stepped over, from quote
// to quote and from bracket to bracket, and not looked at otherwise.

import { decode } from './line.ts'

/** Which members of an object are read. */
export interface Fields {
  readonly [name: string]: Shape
}

/** What of a value is read: `true` for all of it; in brackets, what of each element of an array. */
export type Shape = true | Fields | readonly [Shape]

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const END = -1

/** What is read of a value, where it is an object or an array; of anything else, and without either, all is. */
interface Plan {
  readonly members: readonly Member[] | undefined
  readonly elements: Plan | undefined
}

/** A member that is read, by the octets of its name. */
interface Member {
  readonly name: string
  readonly octets: Uint8Array
  readonly plan: Plan
}

function compile(shape: Shape): Plan {
  if (shape === true) return { members: undefined, elements: undefined }
  if (isElements(shape)) return { members: undefined, elements: compile(shape[0]) }
  const members = Object.entries(shape).map(([name, inner]) => ({
    name,
    octets: Buffer.from(name),
    plan: compile(inner),
  }))
  return { members, elements: undefined }
}

const isElements = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape)

/** Those that are read of an object, one by one. */
export const membersOf = (shape: Shape = true): Fields => (shape === true || isElements(shape) ? {} : shape)

/** By the first octet. */
const LITERALS = new Map<number, { readonly octets: Uint8Array; readonly value: boolean | null }>(
  [true, false, null].map(value => {
    const octets = Buffer.from(String(value))
    return [octets[0], { octets, value }]
  }),
)

export class Skimmer {
  readonly #plan: Plan
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  /** Whether the last string has a backslash in it. */
  #hasEscapes = false

  constructor(fields: Fields) {
    this.#plan = compile(fields)
  }

  /**
   * What JSON.parse makes of the document, without the members of objects that are not asked for; nor are those whose names are written with
   * escapes. Throws SyntaxError for what is no JSON, as far as it is looked at.
   */
  read(bytes: Uint8Array): unknown {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = 0
    const value = this.#readValue(this.#plan)
    if (this.#peek() !== END) this.#refuse()
    return value
  }

  #readValue({ members, elements }: Plan): unknown {
    const octet = this.#peek()
    if (octet === OPEN_BRACE && members) return this.#readObject(members)
    if (octet === OPEN_BRACKET && elements) return this.#readArray(elements)
    const from = this.#at
    this.#skip()
    if (octet === QUOTE && !this.#hasEscapes) return this.#checked(from + 1, this.#at - 1)
    // JSON.parse takes longer to begin than these are long.
    const literal = LITERALS.get(octet)
    if (literal && this.#isText(literal.octets, from, this.#at)) return literal.value
    return JSON.parse(decode(this.#bytes.subarray(from, this.#at)))
  }

  #readArray(elements: Plan): unknown[] {
    const made: unknown[] = []
    this.#at++
    if (this.#peek() === CLOSE_BRACKET) {
      this.#at++
      return made
    }
    for (;;) {
      made.push(this.#readValue(elements))
      if (this.#peek() === CLOSE_BRACKET) break
      this.#expect(COMMA)
    }
    this.#at++
    return made
  }

  #readObject(members: readonly Member[]): Record<string, unknown> {
    const made: Record<string, unknown> = {}
    this.#at++
    if (this.#peek() === CLOSE_BRACE) {
      this.#at++
      return made
    }
    for (;;) {
      if (this.#peek() !== QUOTE) this.#refuse()
      const from = this.#at
      this.#skipString()
      const member = this.#find(members, from + 1, this.#at - 1)
      this.#expect(COLON)
      if (member) made[member.name] = this.#readValue(member.plan)
      else this.#skip()
      if (this.#peek() === CLOSE_BRACE) break
      this.#expect(COMMA)
    }
    this.#at++
    return made
  }

  #find(members: readonly Member[], from: number, to: number): Member | undefined {
    for (const member of members) if (this.#isText(member.octets, from, to)) return member
    return undefined
  }

  #isText(octets: Uint8Array, from: number, to: number): boolean {
    if (octets.length !== to - from) return false
    for (let i = 0; i < octets.length; i++) if (octets[i] !== this.#bytes[from + i]) return false
    return true
  }

  /** The text of a string without escapes. Control characters have to be escaped (RFC 8259 section 7). */
  #checked(from: number, to: number): string {
    let all = 0
    for (let at = from; at < to; at++) {
      if (this.#bytes[at] < 0x20) this.#refuse()
      all |= this.#bytes[at]
    }
    return this.#bytes.toString(all < 0x80 ? 'latin1' : 'utf8', from, to)
  }

  #skip(): void {
    const octet = this.#peek()
    if (octet === QUOTE) this.#skipString()
    else if (octet === OPEN_BRACE || octet === OPEN_BRACKET) this.#skipNested()
    else this.#skipScalar()
  }

  /** Most of a document passes through here. */
  #skipNested(): void {
    const bytes = this.#bytes
    const end = bytes.length
    let depth = 0
    for (let at = this.#at; at < end; at++) {
      const octet = bytes[at]
      if (octet === QUOTE) {
        for (at++; at < end && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
      } else if (octet === OPEN_BRACE || octet === OPEN_BRACKET) depth++
      else if ((octet === CLOSE_BRACE || octet === CLOSE_BRACKET) && --depth === 0) {
        this.#at = at + 1
        return
      }
    }
    this.#at = end
    this.#refuse()
  }

  #skipString(): void {
    this.#hasEscapes = false
    const bytes = this.#bytes
    const end = bytes.length
    let at = this.#at + 1
    while (at < end) {
      const octet = bytes[at]
      if (octet === QUOTE) {
        this.#at = at + 1
        return
      }
      if (octet === BACKSLASH) {
        this.#hasEscapes = true
        at++
      }
      at++
    }
    this.#at = end
    this.#refuse()
  }

  /** A number, true, false, null; whether it is one, JSON.parse tells of what is read. */
  #skipScalar(): void {
    const bytes = this.#bytes
    const from = this.#at
    while (this.#at < bytes.length && !isEnd(bytes[this.#at])) this.#at++
    if (this.#at === from) this.#refuse()
  }

  /** The next octet that is no white space, or END. */
  #peek(): number {
    const bytes = this.#bytes
    while (this.#at < bytes.length && isSpace(bytes[this.#at])) this.#at++
    return this.#at < bytes.length ? bytes[this.#at] : END
  }

  #expect(octet: number): void {
    if (this.#peek() !== octet) this.#refuse()
    this.#at++
  }

  #refuse(): never {
    const isCut = this.#at >= this.#bytes.length
    throw new SyntaxError(isCut ? 'the document ends in the middle' : `no JSON at octet ${this.#at}`)
  }
}

const isSpace = (octet: number): boolean =>
  octet === 0x20 || (octet >= 0x09 && octet <= 0x0d && octet !== 0x0b && octet !== 0x0c)

const isEnd = (octet: number): boolean =>
  octet === COMMA || octet === CLOSE_BRACE || octet === CLOSE_BRACKET || isSpace(octet)
