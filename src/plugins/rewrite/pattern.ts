// Which names a rule is for, and what they become. CoreDNS compares text; where the pattern allows it, the octets of the question are
// compared, which comes to the same and needs no text.

import { formatName, parseName } from '../../wire/name.ts'
import type { WireName } from '../../wire/name.ts'
import type { Query } from '../../wire/query.ts'
import { MAX_NAME_LENGTH } from '../../wire/constants.ts'
import type { Metadata } from '../../server/metadata.ts'
import type { Replacement } from '../pattern.ts'

/** Turns a name into another: absolute text in lower case, escaped as in a zone file. */
export interface NameRewriter {
  /** Undefined when it is not for this name, which is that of `query` if there is one. What comes out need not be a name. */
  rewrite(text: string, query?: Query): string | undefined
}

export interface NamePattern extends NameRewriter {
  fits(query: Query, text: QueryText): boolean
}

/** The text of a question's name in lower case, made when a rule first wants it. */
export class QueryText {
  #text: string | undefined
  readonly #octets = Buffer.allocUnsafeSlow(MAX_NAME_LENGTH)

  /** The next question is another one. */
  forget(): void {
    this.#text = undefined
  }

  of(query: Query): string {
    return (this.#text ??= this.#read(query))
  }

  #read({ name, nameLength, labels, labelCount }: Query): string {
    const octets = this.#octets
    for (let i = 1; i < nameLength; i++) octets[i - 1] = name[i]
    for (let i = 1; i < labelCount; i++) octets[labels[i] - 1] = DOT
    octets[Math.max(nameLength - 2, 0)] = DOT
    for (let i = 0, label = 0; i < nameLength - 1; i++) {
      if (label < labelCount && labels[label] === i) label++
      else if (!isPlain(name[i])) return formatName(name)
    }
    return octets.toString('latin1', 0, Math.max(nameLength - 1, 1))
  }
}

const DOT = 0x2e

/** Letters, digits, hyphen and underscore: what is never escaped. */
const isPlain = (octet: number): boolean =>
  (octet >= 0x61 && octet <= 0x7a) || (octet >= 0x30 && octet <= 0x39) || octet === 0x2d || octet === 0x5f

export class ExactName implements NamePattern {
  readonly #from: WireName
  readonly #fromText: string
  readonly #to: string

  /** `from` in lower case. */
  constructor(from: WireName, to: string) {
    this.#from = from
    this.#fromText = formatName(from)
    this.#to = to
  }

  fits({ name, nameLength }: Query): boolean {
    const from = this.#from
    return nameLength === from.length && isEqual(name, 0, from)
  }

  rewrite(text: string): string | undefined {
    return text === this.#fromText ? this.#to : undefined
  }
}

export class NamePrefix implements NamePattern {
  readonly #from: string
  readonly #to: string
  /** Whole labels without the root: what a name then begins with; undefined for a prefix that ends within a label. */
  readonly #octets: WireName | undefined

  constructor(from: string, to: string) {
    this.#from = from
    this.#to = to
    this.#octets =
      from.endsWith('.') && !from.includes('\\') && from !== '.' ? parseName(from)?.slice(0, -1) : undefined
  }

  fits(query: Query, text: QueryText): boolean {
    const octets = this.#octets
    if (!octets) return text.of(query).startsWith(this.#from)
    return query.nameLength > octets.length && isEqual(query.name, 0, octets)
  }

  rewrite(text: string): string | undefined {
    return text.startsWith(this.#from) ? this.#to + text.slice(this.#from.length) : undefined
  }
}

export class NameSuffix implements NamePattern {
  readonly #from: string
  readonly #to: string
  /** What a name then ends with: the end of a label, which may be empty, and whole labels with the root. */
  readonly #octets: WireName | undefined
  readonly #partLength: number
  readonly #labelCount: number

  constructor(from: string, to: string) {
    this.#from = from
    this.#to = to
    const [part, ...labels] = from.split('.')
    const whole = from.endsWith('.') && !from.includes('\\') ? parseName(labels.join('.')) : undefined
    this.#octets = whole && Buffer.concat([Buffer.from(part), whole])
    this.#partLength = Buffer.byteLength(part)
    this.#labelCount = labels.length - 1
  }

  fits(query: Query, text: QueryText): boolean {
    const octets = this.#octets
    if (!octets) return text.of(query).endsWith(this.#from)
    const { name, nameLength, labels, labelCount } = query
    const at = nameLength - octets.length
    // In front of the whole labels is at least one more, whose end is the part.
    const before = labelCount - this.#labelCount - 1
    if (before < 0) return false
    const wholeAt = before + 1 < labelCount ? labels[before + 1] : nameLength - 1
    return wholeAt === at + this.#partLength && at > labels[before] && isEqual(name, at, octets)
  }

  rewrite(text: string): string | undefined {
    return text.endsWith(this.#from) ? text.slice(0, text.length - this.#from.length) + this.#to : undefined
  }
}

export class NamePart implements NamePattern {
  readonly #from: string
  readonly #to: string

  constructor(from: string, to: string) {
    this.#from = from
    this.#to = to
  }

  fits(query: Query, text: QueryText): boolean {
    return text.of(query).includes(this.#from)
  }

  rewrite(text: string): string | undefined {
    return text.includes(this.#from) ? text.replaceAll(this.#from, () => this.#to) : undefined
  }
}

export class NameExpression implements NamePattern {
  readonly #from: RegExp
  readonly #to: Replacement

  constructor(from: RegExp, to: Replacement) {
    this.#from = from
    this.#to = to
  }

  fits(query: Query, text: QueryText): boolean {
    return this.#from.test(text.of(query))
  }

  rewrite(text: string): string | undefined {
    const match = this.#from.exec(text)
    return match ? this.#to.fill(match) : undefined
  }
}

/** What a name is put together from: text, the group of a number, metadata. */
export type NamePiece = string | number | Metadata

/** As NameExpression, with metadata in what the name becomes. It is not for a query that lacks one of the values. */
export class NameComposition implements NamePattern {
  readonly #from: RegExp
  readonly #pieces: readonly NamePiece[]

  constructor(from: RegExp, pieces: readonly NamePiece[]) {
    this.#from = from
    this.#pieces = pieces
  }

  fits(query: Query, text: QueryText): boolean {
    return this.#from.test(text.of(query))
  }

  rewrite(text: string, query?: Query): string | undefined {
    const match = this.#from.exec(text)
    if (!match || !query) return undefined
    let name = ''
    for (const piece of this.#pieces) {
      if (typeof piece === 'string') name += piece
      else if (typeof piece === 'number') name += match[piece] ?? ''
      else {
        const value = piece(query)
        if (!value) return undefined
        name += value.toLowerCase()
      }
    }
    return name
  }
}

/** The way back of a rule that has rewritten one name: that name, and names below it. */
export class NameReturn implements NameRewriter {
  readonly #from: string
  readonly #to: string

  constructor(from: string, to: string) {
    this.#from = from
    this.#to = to
  }

  rewrite(text: string): string | undefined {
    if (text === this.#from) return this.#to
    return text.endsWith(`.${this.#from}`) ? text.slice(0, text.length - this.#from.length) + this.#to : undefined
  }
}

function isEqual(name: Uint8Array, at: number, octets: WireName): boolean {
  for (let i = 0; i < octets.length; i++) if (name[at + i] !== octets[i]) return false
  return true
}
