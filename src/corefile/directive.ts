import type { Prefix } from './cidr.ts'
import { CorefileError, type CorefileErrorCode } from './error.ts'
import { parseZones } from './key.ts'
import { findNearest } from './nearest.ts'
import { isCloseBrace, isOpenBrace, type Token } from './token.ts'
import { type Address, parseAddress, parseCidr, parseDurationMs, parseInteger } from './value.ts'

/** One directive of a server block: its name, the rest of its line, and its block with the braces. */
export interface Directive {
  name: Token
  /** Begins with the name. Braces are balanced. */
  tokens: Token[]
}

/**
 * Reads a directive, or one line of its block, from left to right; the part that Caddy's Dispenser has in CoreDNS.
 *
 *     const cursor = new Cursor(directive)
 *     const zones = cursor.zones()
 *     for (const property of cursor.block()) {
 *       switch (property.name.text) {
 *         case 'ttl': options.ttlSeconds = property.integer(0, 3600); break
 *         default: throw property.unknown(['ttl'])
 *       }
 *       property.end()
 *     }
 *
 * Every reader throws CorefileError with the position of what it did not like.
 */
export class Cursor {
  readonly name: Token
  /** What stands on the line behind the name. */
  readonly args: readonly Token[]
  private readonly lines: Cursor[] = []
  private index = 0

  constructor(directive: Directive) {
    const { name, tokens } = directive
    this.name = name
    const open = tokens.findIndex(isOpenBrace)
    this.args = tokens.slice(1, open === -1 ? undefined : open)
    if (open === -1) return
    for (let start = open + 1; start < tokens.length - 1; ) {
      const end = endOfStatement(tokens, start)
      this.lines.push(new Cursor({ name: tokens[start], tokens: tokens.slice(start, end) }))
      start = end
    }
  }

  /** The next argument, or undefined at the end of the line. */
  nextArg(): Token | undefined {
    return this.args[this.index++]
  }

  /** The same, without reading it. */
  peek(): Token | undefined {
    return this.args[this.index]
  }

  /** The next argument; throws when there is none. `what` completes "expected …". */
  requireArg(what: string): Token {
    const token = this.nextArg()
    if (token === undefined) throw this.expected(what)
    return token
  }

  remainingArgs(): Token[] {
    const rest = this.args.slice(this.index)
    this.index = this.args.length
    return rest
  }

  /** The lines of the block in braces; a line may have a block of its own. */
  block(): readonly Cursor[] {
    return this.lines
  }

  /** An integer from `min` to `max`, both included. */
  integer(min?: number, max?: number): number {
    return parseInteger(this.requireArg('an integer'), { min, max })
  }

  /** A duration in Go's syntax, in milliseconds; so are the limits. */
  durationMs(min?: number, max?: number): number {
    return parseDurationMs(this.requireArg('a duration such as 5s'), { min, max })
  }

  cidr(): Prefix {
    return parseCidr(this.requireArg('an IP address or a network'))
  }

  address(defaultPort?: number): Address {
    return parseAddress(this.requireArg('an address'), defaultPort)
  }

  /** All remaining arguments as absolute lower-case zone names; a network is its reverse zones. */
  zones(): string[] {
    return this.remainingArgs().flatMap(parseZones)
  }

  /** Throws when there are arguments left on the line. */
  end(): void {
    const extra = this.args[this.index]
    if (extra !== undefined) throw this.error('bad_argument', `'${extra.text}' is one argument too many`, 'none', extra)
  }

  /** Throws when there is a block. */
  noBlock(): void {
    const line = this.lines[0]
    if (line !== undefined) {
      throw this.error('unknown_property', `${this.name.text} has no properties`, 'no block', line.name)
    }
  }

  /** Too many arguments or too few: says how many there are. */
  argError(expected: string): CorefileError {
    const count = this.args.length === 1 ? '1 argument' : `${this.args.length} arguments`
    return this.error('bad_argument', `${this.name.text} has ${count}`, expected, this.name)
  }

  /** Something must stand here and does not; `what` completes "expected …". */
  expected(what: string): CorefileError {
    return this.error('bad_argument', `nothing after '${this.here().text}'`, what)
  }

  /** For a line of a block that is not among `known`. */
  unknown(known: readonly string[]): CorefileError {
    const nearest = findNearest(this.name.text, known)
    const hint = nearest === undefined ? '' : ` (did you mean '${nearest}'?)`
    const what = `unknown property '${this.name.text}'${hint}`
    return this.error('unknown_property', what, known.length === 0 ? 'none' : `one of ${known.join(', ')}`, this.name)
  }

  /** Any other complaint, at the argument that was read last or at the token given. */
  error(code: CorefileErrorCode, what: string, expected: string, token = this.here()): CorefileError {
    return new CorefileError(code, token, what, expected)
  }

  private here(): Token {
    return this.args[Math.min(this.index, this.args.length) - 1] ?? this.name
  }
}

/** Behind the last token of the line, or of the block that the line opens, that begins at `start`. */
function endOfStatement(tokens: readonly Token[], start: number): number {
  let depth = 0
  for (let i = start; i < tokens.length; i++) {
    const token = tokens[i]
    if (isOpenBrace(token)) depth++
    else if (isCloseBrace(token)) {
      if (depth === 0) return i
      if (--depth === 0) return i + 1
    } else if (depth === 0 && i > start && token.startsLine) return i
  }
  return tokens.length
}
