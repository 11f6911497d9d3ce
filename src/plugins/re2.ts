// The syntax of RE2 (github.com/google/re2/wiki/Syntax), as Go's regexp reads it, said in JavaScript's.

import { CorefileError } from '../corefile/error.ts'
import type { Token } from '../corefile/token.ts'

/** Go's character classes by name, as the members of a bracket. */
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
  punct: '!-/:-@[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
}

const CONTROLS: Readonly<Record<string, string>> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }
const LAST_UNIT = 0xffff

/** One piece of a pattern that the two syntaxes may see differently, or any single character. */
const PIECE =
  /\\Q(?<quoted>.*?)(?:\\E|$)|(?<escape>\\(?:x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|.))|(?<bracket>\[\^?)|\(\?P?<(?<group>\w+)>|\(\?(?<flags>[a-zA-Z-]*)(?<after>[:)])|(?<look>\(\?<?[=!])|./gs

/** One member of a bracket: a class, a character, or a range of them. */
const MEMBER =
  /\[:(?<negation>\^?)(?<named>\w+):\]|(?<perl>\\[dDsSwW])|(?<low>\\x\{[0-9a-fA-F]+\}|\\x[0-9a-fA-F]{2}|\\?.)(?:-(?!\])(?<high>\\x\{[0-9a-fA-F]+\}|\\x[0-9a-fA-F]{2}|\\?.))?/gs

/** A pattern for `new RegExp`. It never has the flag `i`: where case does not count, both cases are written out. */
export interface Translation {
  readonly source: string
  readonly flags: string
}

/** Throws CorefileError at the token for what RE2 would not take, and for the little of RE2 that JavaScript cannot say. */
export function translate(token: Token): Translation {
  const { text } = token
  const leading = /^\(\?([ims]+)\)/.exec(text)
  let isFolded = leading?.[1].includes('i') ?? false
  /** Whether case counts around each of the open groups. */
  const around: boolean[] = []
  let source = ''
  PIECE.lastIndex = leading?.[0].length ?? 0
  for (let piece = PIECE.exec(text); piece; piece = PIECE.exec(text)) {
    const [whole] = piece
    const { quoted, escape, bracket, group, flags, after, look } = piece.groups ?? {}
    if (quoted !== undefined) {
      for (const character of quoted.split('')) source += writeCharacter(character, isFolded)
    } else if (escape !== undefined) source += readEscape(token, escape, isFolded)
    else if (bracket !== undefined) {
      // As its first member, a closing bracket stands for itself.
      const members = readMembers(token, text, PIECE.lastIndex, isFolded)
      source += `${bracket}${members.source}]`
      PIECE.lastIndex = members.end + 1
    } else if (look !== undefined) {
      throw refuse(token, `'${look}' is not in the syntax of RE2`, 'no assertion on what is around')
    } else if (whole.startsWith('(')) {
      around.push(isFolded)
      if (flags === undefined) source += group === undefined ? whole : `(?<${group}>`
      else {
        if (after === ')' || !/^[ims]*(?:-[ims]+)?$/.test(flags)) {
          throw refuse(token, `'${whole}' is not understood here`, '(?i), (?s) or (?m) at the start, or (?i:…)')
        }
        const [on, off] = flags.split('-')
        isFolded = (isFolded || on.includes('i')) && !off?.includes('i')
        // What is left of them is of the same form in JavaScript.
        source += `(?${flags.replaceAll('i', '').replace(/-$/, '')}:`
      }
    } else {
      if (whole === ')') isFolded = around.pop() ?? isFolded
      source += isFolded ? writeFolded(whole) : whole
    }
  }
  return { source, flags: [...new Set(leading?.[1].replaceAll('i', ''))].join('') }
}

/** Outside of brackets. */
function readEscape(token: Token, escape: string, isFolded: boolean): string {
  if (escape === '\\A') return '^'
  if (escape === '\\z') return '$'
  if (/^\\[bBdDsSwW]$/.test(escape)) return escape
  return writeCharacter(readCharacter(token, escape), isFolded)
}

/** From the members of a bracket on; `end` is where its closing bracket stands. */
function readMembers(token: Token, text: string, from: number, isFolded: boolean): { source: string; end: number } {
  let source = ''
  let end = from
  for (; text[end] !== ']' || end === from; end = MEMBER.lastIndex) {
    MEMBER.lastIndex = end
    const member = MEMBER.exec(text)
    if (!member) throw refuse(token, 'a bracket without its end', "']' behind the characters")
    const { negation, named, perl, low, high } = member.groups ?? {}
    const after = MEMBER.lastIndex
    if (perl !== undefined) source += perl
    else if (named === undefined) {
      const first = readCharacter(token, low)
      const last = high === undefined ? first : readCharacter(token, high)
      if (first > last) throw refuse(token, `the range '${member[0]}' goes backwards`, 'the lower end first')
      source += writeRange(first, last, isFolded)
    } else {
      if (negation || !Object.hasOwn(CLASSES, named)) {
        throw refuse(token, `the class ${member[0]}`, 'another way to say it')
      }
      source += readMembers(token, `${CLASSES[named]}]`, 0, isFolded).source
    }
    MEMBER.lastIndex = after
  }
  return { source, end }
}

/** The character that is meant, by itself or by an escape. */
function readCharacter(token: Token, written: string): string {
  if (written.length === 1 && written !== '\\') return written
  const name = written.slice(1)
  if (/^x./.test(name)) {
    const code = Number.parseInt(name.replace(/^x\{?/, ''), 16)
    if (code <= LAST_UNIT) return String.fromCharCode(code)
  }
  if (Object.hasOwn(CONTROLS, name)) return CONTROLS[name]
  if (!/^[\W_]$/.test(name)) throw refuse(token, `'${written}' is not understood`, 'another way to say it')
  return name
}

const writeCharacter = (character: string, isFolded: boolean): string =>
  isFolded ? writeFolded(character, escapeCharacter(character)) : escapeCharacter(character)

function writeFolded(character: string, otherwise = character): string {
  const cases = otherCases(character)
  return cases.length === 0 ? otherwise : `[${character}${cases.join('')}]`
}

/** Within brackets. */
function writeRange(first: string, last: string, isFolded: boolean): string {
  const range = first === last ? escapeCharacter(first) : `${escapeCharacter(first)}-${escapeCharacter(last)}`
  if (!isFolded) return range
  const others = new Set<string>()
  for (let code = first.charCodeAt(0); code <= last.charCodeAt(0); code++) {
    for (const other of otherCases(String.fromCharCode(code))) if (other < first || other > last) others.add(other)
  }
  return range + [...others].join('')
}

/** What else the character stands for where case does not count: Unicode's simple folding, as both Go and the flags `iu` have it. */
function otherCases(character: string): string[] {
  const lower = character.toLowerCase()
  const upper = character.toUpperCase()
  if (lower === upper) return []
  const same = new RegExp(`^${escapeCharacter(character)}$`, 'iu')
  // The long s and the Kelvin sign have the lower and upper case of plain letters, which do not lead back to them.
  const candidates = new Set([lower, upper, upper.toLowerCase(), lower.toUpperCase(), '\u017f', '\u212a'])
  candidates.delete(character)
  return [...candidates].filter(candidate => candidate.length === 1 && same.test(candidate))
}

const escapeCharacter = (character: string): string => (/^\w$/.test(character) ? character : RegExp.escape(character))

const refuse = (token: Token, what: string, expected: string): CorefileError =>
  new CorefileError('bad_argument', token, `${what} in '${token.text}'`, expected)
