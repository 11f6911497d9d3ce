// Regular expressions of Corefiles: written in RE2's syntax (github.com/google/re2/wiki/Syntax), as Go's regexp reads it, run by V8.

import { setFlagsFromString } from 'node:v8'
import { CorefileError } from '../corefile/error.ts'
import type { Token } from '../corefile/token.ts'

// RE2 takes linear time, V8 may take exponential time. What is common to both syntaxes is what V8's own linear engine can run, so a pattern that
// backtracks too often goes there: a name from the network cannot hold up the server.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
setFlagsFromString('--regexp-backtracks-before-fallback=10000')

/** CoreDNS's limit, kept so that both refuse the same Corefiles. */
const MAX_PATTERN_LENGTH = 10_000

/** What Go's character classes by name are in JavaScript, within brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}

/** One piece of a pattern that the two syntaxes may see differently, or any single character. */
const PIECE =
  /\\Q(?<quoted>.*?)(?:\\E|$)|\\(?<escape>.)|\[(?<open>\^?\]?)|\(\?P?<(?<group>\w+)>|\(\?(?<flags>[a-zA-Z-]*)(?<after>[:)])|(?<look>\(\?<?[=!])|./gs

/** Throws CorefileError at the token for what RE2 would not take, and for the little of RE2 that V8 cannot run. */
export function compilePattern(token: Token): RegExp {
  if (token.text.length > MAX_PATTERN_LENGTH) {
    throw refuse(token, `the pattern has ${token.text.length} characters`, `at most ${MAX_PATTERN_LENGTH}`)
  }
  const leading = /^\(\?([ims]+)\)/.exec(token.text)
  try {
    return new RegExp(translate(token, leading?.[0].length ?? 0), [...new Set(leading?.[1])].join(''))
  } catch (error) {
    if (error instanceof CorefileError) throw error
    throw refuse(token, (error as Error).message, 'a regular expression')
  }
}

function translate(token: Token, from: number): string {
  const { text } = token
  let source = ''
  let isBracket = false
  PIECE.lastIndex = from
  for (let piece = PIECE.exec(text); piece; piece = PIECE.exec(text)) {
    const [whole] = piece
    const { quoted, escape, open, group, flags, after, look } = piece.groups ?? {}
    if (escape !== undefined) source += readEscape(token, escape, isBracket)
    else if (isBracket) {
      const named = /^\[:(\^?)(\w+):\]/.exec(text.slice(piece.index))
      if (named) {
        if (named[1] || !Object.hasOwn(CLASSES, named[2]))
          throw refuse(token, `the class ${named[0]}`, 'another way to say it')
        source += CLASSES[named[2]]
        PIECE.lastIndex = piece.index + named[0].length
      } else {
        // Only the first character: what looks like a group here is none.
        PIECE.lastIndex = piece.index + 1
        isBracket = whole[0] !== ']'
        source += whole[0] === '[' ? '\\[' : whole[0]
      }
    } else if (quoted !== undefined) source += RegExp.escape(quoted)
    else if (open !== undefined) {
      isBracket = true
      // As its first member, a bracket stands for itself in RE2.
      source += `[${open.replace(']', '\\]')}`
    } else if (group !== undefined) source += `(?<${group}>`
    else if (look !== undefined)
      throw refuse(token, `'${look}' is not in the syntax of RE2`, 'no assertion on what is around')
    else if (flags !== undefined && (after === ')' || /[^ims-]/.test(flags))) {
      throw refuse(token, `'${whole}' is not understood here`, '(?i), (?s) or (?m) at the start, or (?i:…)')
    } else source += whole
  }
  return source
}

function readEscape(token: Token, letter: string, isBracket: boolean): string {
  if (letter === 'A') return '^'
  if (letter === 'z') return '$'
  if (letter === 'a') return '\\x07'
  const isKnown = isBracket ? /[dDsSwWtnrfvx\W_]/ : /[bBdDsSwWtnrfvx\W_]/
  if (!isKnown.test(letter)) throw refuse(token, `'\\${letter}' is not understood`, 'another way to say it')
  return `\\${letter}`
}

const refuse = (token: Token, what: string, expected: string): CorefileError =>
  new CorefileError('bad_argument', token, `${what} in '${token.text}'`, expected)

/** How many groups a pattern has. */
export const countGroups = (pattern: RegExp): number => (new RegExp(`${pattern.source}|`).exec('')?.length ?? 1) - 1

/** Text with references to the groups of a match: `{0}` is all of it, `{1}` the first group. */
export class Replacement {
  /** Text and numbers of groups, one after the other. */
  readonly #parts: readonly (string | number)[]
  /** The highest group that is referred to. */
  readonly groups: number

  constructor(text: string) {
    this.#parts = text.split(/(\{\d{1,3}\})/).map((part, i) => (i % 2 === 0 ? part : Number(part.slice(1, -1))))
    this.groups = Math.max(0, ...this.#parts.filter(part => typeof part === 'number'))
  }

  fill(match: RegExpExecArray): string {
    let text = ''
    for (const part of this.#parts) text += typeof part === 'string' ? part : (match[part] ?? '')
    return text
  }
}
