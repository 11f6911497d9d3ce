// From the words of a rule to the rule. CoreDNS reads them all as one list, on one line or in a block.

import { Cursor } from '../../corefile/directive.ts'
import { findNearest } from '../../corefile/nearest.ts'
import type { Token } from '../../corefile/token.ts'
import { isLabel, readMetadata } from '../../server/metadata.ts'
import type { Block } from '../../server/plugin.ts'
import { parseClass, parseRcode, parseType } from '../../wire/constants.ts'
import { formatName, lowerName, parseName } from '../../wire/name.ts'
import { Replacement, compilePattern, countGroups } from '../pattern.ts'
import { readEdns } from './option.ts'
import {
  ExactName,
  NameComposition,
  NameExpression,
  NamePart,
  type NamePattern,
  type NamePiece,
  NamePrefix,
  type NameRewriter,
  NameSuffix,
} from './pattern.ts'
import type { TtlRange } from './plan.ts'
import { type AnswerRules, NameRule, NumberRule, ReplyRule, type Rule } from './rule.ts'

const FIELDS = ['name', 'type', 'class', 'edns0', 'ttl', 'cname', 'rcode']
const KINDS = ['exact', 'prefix', 'suffix', 'substring', 'regex']
/** The highest that is assigned: BADCOOKIE (RFC 7873). */
const MAX_RCODE = 23
const MAX_UINT32 = 2 ** 32 - 1
/** What a range without an upper end ends with: the longest TTL (RFC 2181 section 8). */
const MAX_TTL = 2 ** 31 - 1

/** Throws CorefileError. */
export function readRule(cursor: Cursor, block: Block): Rule {
  const line = flatten(cursor)
  const isContinued = line.args[0]?.text.toLowerCase() === 'continue'
  if (isContinued || line.args[0]?.text.toLowerCase() === 'stop') line.nextArg()
  const field = line.requireArg(`a field: ${FIELDS.join(', ')}`)
  switch (field.text.toLowerCase()) {
    case 'name':
      return readName(line, !isContinued, block)
    case 'type':
      return new NumberRule(!isContinued, 'qtype', readType(line), readLast(line, readType))
    case 'class':
      return new NumberRule(!isContinued, 'qclass', readClass(line), readLast(line, readClass))
    case 'edns0':
      return readEdns(line, !isContinued, block)
    case 'ttl': {
      const pattern = readPattern(line, 1)
      const range = readLast(line, readTtl)
      return new ReplyRule(!isContinued, pattern, plan => plan.ttls.push(range))
    }
    case 'rcode': {
      const pattern = readPattern(line, 2)
      const change = { from: readRcode(line), to: readLast(line, readRcode) }
      return new ReplyRule(!isContinued, pattern, plan => plan.rcodes.push(change))
    }
    case 'cname': {
      const target = readTarget(line)
      return new ReplyRule(!isContinued, undefined, plan => plan.targets.push(target))
    }
    case 'answer':
      throw line.error('bad_argument', "'answer' without a name before it", 'name FROM TO answer …', field)
    default: {
      const nearest = findNearest(field.text, FIELDS)
      const hint = nearest === undefined ? '' : ` (did you mean '${nearest}'?)`
      throw line.error('bad_argument', `unknown field '${field.text}'${hint}`, `one of ${FIELDS.join(', ')}`, field)
    }
  }
}

/** A rule in a block as one on a line. As in CoreDNS, two words on the line make it the whole rule. */
function flatten(cursor: Cursor): Cursor {
  if (cursor.args.length >= 2) cursor.noBlock()
  const tokens = [cursor.name, ...cursor.args]
  for (const line of cursor.block()) {
    line.noBlock()
    tokens.push(line.name, ...line.args)
  }
  return new Cursor({ name: cursor.name, tokens })
}

function readLast<T>(line: Cursor, read: (line: Cursor) => T): T {
  const value = read(line)
  line.end()
  return value
}

/** How many words the line still has. */
function countLeft(line: Cursor, field: string): number {
  return line.args.length - line.args.findIndex(({ text }) => text.toLowerCase() === field) - 1
}

function readName(line: Cursor, isLast: boolean, block: Block): Rule {
  // Two names alone are exact ones; more words begin with the kind.
  const kind = countLeft(line, 'name') > 2 ? readKind(line) : 'exact'
  const from = line.requireArg('the name FROM')
  const to = line.requireArg('the name TO')
  const isComposed = line.peek()?.text === 'metadata'
  const pattern = isComposed ? readComposition(line, kind, from, to, block) : makePattern(line, kind, from, to)
  const answers = readAnswers(line)
  if (kind === 'exact') return new NameRule(isLast, pattern, { ...answers, isReturned: true })
  if (kind !== 'suffix' || !answers.isReturned) return new NameRule(isLast, pattern, answers)
  // The way back of a suffix is the same rule the other way round.
  const back = new NameSuffix(normalize(to.text), normalize(from.text))
  const { owners, values } = answers
  return new NameRule(isLast, pattern, { isReturned: false, owners: [back, ...owners], values: [back, ...values] })
}

function readKind(line: Cursor): string {
  const token = line.requireArg(`one of ${KINDS.join(', ')}`)
  const kind = token.text.toLowerCase()
  if (KINDS.includes(kind)) return kind
  throw line.error('bad_argument', `'${token.text}' is no way to match a name`, `one of ${KINDS.join(', ')}`, token)
}

/** Lower case, with a dot at its end. */
function normalize(text: string): string {
  const isAbsolute = /(?<!\\)(?:\\\\)*\.$/.test(text)
  return isAbsolute ? text.toLowerCase() : `${text.toLowerCase()}.`
}

function makePattern(line: Cursor, kind: string, from: Token, to?: Token): NamePattern {
  const name = normalize(from.text)
  const target = normalize(to?.text ?? '')
  switch (kind) {
    case 'exact':
      return new ExactName(requireName(line, from), to ? formatName(requireName(line, to)) : '')
    case 'prefix':
      return new NamePrefix(name, target)
    case 'suffix':
      return new NameSuffix(name, target)
    case 'substring':
      return new NamePart(name, target)
    default:
      return makeExpression(line, from, to, target)
  }
}

function makeExpression(line: Cursor, from: Token, to: Token | undefined, target: string): NamePattern {
  const pattern = compilePattern(from)
  const replacement = new Replacement(target)
  const count = countGroups(pattern)
  if (replacement.groups > count) {
    const what = `'${to?.text}' uses the group {${replacement.groups}}`
    throw line.error('bad_argument', what, `at most {${count}}: '${from.text}' has ${count} groups`, to)
  }
  return new NameExpression(pattern, replacement)
}

/** `metadata` behind the names: TO has groups as `{1}` and metadata as `{plugin/label}`. */
function readComposition(line: Cursor, kind: string, from: Token, to: Token, block: Block): NamePattern {
  const word = line.requireArg('metadata')
  if (kind !== 'regex') throw line.error('bad_argument', `metadata in a name that is found by '${kind}'`, 'regex', word)
  const pattern = compilePattern(from)
  const count = countGroups(pattern)
  const text = to.text.endsWith('.') ? to.text : `${to.text}.`
  const pieces = text.split(/\{([^{}]*)\}/).map((piece, i): NamePiece => {
    if (i % 2 === 0) {
      if (!/[{}]/.test(piece)) return piece.toLowerCase()
      throw line.error('bad_argument', `a brace without its counterpart in '${to.text}'`, '{1} or {plugin/label}', to)
    }
    if (/^\d+$/.test(piece) && Number(piece) <= count) return Number(piece)
    if (!/^\d+$/.test(piece) && isLabel(piece)) return readMetadata(block, piece)
    const expected = `a label such as {kubernetes/namespace}, or a group up to {${count}}`
    throw line.error('bad_argument', `'{${piece}}' in '${to.text}'`, expected, to)
  })
  return new NameComposition(pattern, pieces)
}

function requireName(line: Cursor, token: Token): Uint8Array {
  const name = parseName(token.text)
  if (name) return lowerName(name)
  throw line.error('bad_argument', `'${token.text}' is not a domain name`, 'one such as www.example.org', token)
}

/** `answer auto`, `answer name FROM TO`, `answer value FROM TO`, in any number; behind the first, `answer` may be left out. */
function readAnswers(line: Cursor): AnswerRules {
  const owners: NameRewriter[] = []
  const values: NameRewriter[] = []
  let isReturned = false
  let named: Token | undefined
  for (let token = line.nextArg(), isFirst = true; token; token = line.nextArg(), isFirst = false) {
    if (isFirst && token.text !== 'answer') {
      throw line.error('bad_argument', `'${token.text}' behind the names`, 'answer …, or nothing', token)
    }
    const what = token.text === 'answer' ? line.requireArg('auto, name FROM TO or value FROM TO') : token
    if (what.text === 'auto') isReturned = true
    else if (what.text === 'name' || what.text === 'value') {
      const from = line.requireArg('a regular expression FROM')
      const to = line.requireArg('the name TO')
      if (what.text === 'name') named = what
      ;(what.text === 'name' ? owners : values).push(makeExpression(line, from, to, normalize(to.text)))
    } else {
      throw line.error('bad_argument', `unknown answer rule '${what.text}'`, 'auto, name or value', what)
    }
  }
  if (isReturned && named) {
    throw line.error('bad_argument', "'answer auto' beside 'answer name'", 'one of them', named)
  }
  return { isReturned, owners, values }
}

function readType(line: Cursor): number {
  const token = line.requireArg('a record type')
  const type = parseType(token.text.toUpperCase())
  if (type !== undefined) return type
  throw line.error('bad_argument', `unknown record type '${token.text}'`, 'one such as A, MX or TYPE65', token)
}

function readClass(line: Cursor): number {
  const token = line.requireArg('a class')
  const value = parseClass(token.text.toUpperCase())
  if (value !== undefined) return value
  throw line.error('bad_argument', `unknown class '${token.text}'`, 'IN, CH or HS', token)
}

function readRcode(line: Cursor): number {
  const token = line.requireArg('a response code')
  const rcode = /^\d+$/.test(token.text) ? Number(token.text) : parseRcode(token.text.toUpperCase())
  if (rcode !== undefined && rcode <= MAX_RCODE) return rcode
  throw line.error('bad_argument', `unknown response code '${token.text}'`, 'one such as NXDOMAIN, or 0 to 23', token)
}

/** `[KIND] NAME`, in front of `others` more words. */
function readPattern(line: Cursor, others: number): NamePattern {
  const field = others === 1 ? 'ttl' : 'rcode'
  const kind = countLeft(line, field) > others + 1 ? readKind(line) : 'exact'
  return makePattern(line, kind, line.requireArg('a name'))
}

/** `30`, `30-300`, `-30`, `30-`. */
function readTtl(line: Cursor): TtlRange {
  const token = line.requireArg('a TTL in seconds')
  const match = /^(\d{0,10})(-?)(\d{0,10})$/.exec(token.text)
  const [, first = '', dash = '', second = ''] = match ?? []
  const min = Number(first)
  const max = dash === '' ? min : second === '' ? MAX_TTL : Number(second)
  if (match && first + second !== '' && min <= max && max <= MAX_UINT32) return { min, max }
  throw line.error(
    'bad_argument',
    `bad TTL '${token.text}'`,
    'seconds such as 30, or a range: 30-300, 30-, -300',
    token,
  )
}

/** CoreDNS does not complete names here, but for exact ones. */
function readTarget(line: Cursor): NameRewriter {
  const kind = countLeft(line, 'cname') > 2 ? readKind(line) : 'exact'
  const from = line.requireArg('the target FROM')
  const to = line.requireArg('the target TO')
  line.end()
  const target = to.text.toLowerCase()
  switch (kind) {
    case 'exact':
      return makePattern(line, kind, from, to)
    case 'prefix':
      return new NamePrefix(from.text.toLowerCase(), target)
    case 'suffix':
      return new NameSuffix(from.text.toLowerCase(), target)
    case 'substring':
      return new NamePart(from.text.toLowerCase(), target)
    default:
      return makeExpression(line, from, to, target)
  }
}
