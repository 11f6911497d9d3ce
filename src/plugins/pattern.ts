// Regular expressions of Corefiles: written in RE2's syntax, run by V8.

import { setFlagsFromString } from 'node:v8'
import { CorefileError } from '../corefile/error.ts'
import type { Token } from '../corefile/token.ts'
import { translate } from './re2.ts'
import { spellOut } from './repetition.ts'

// RE2 takes linear time, V8 may take exponential time. A pattern that backtracks too often goes to V8's own linear engine, and only what that
// engine can run is accepted: a name from the network cannot hold up the server.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks')
setFlagsFromString('--regexp-backtracks-before-fallback=10000')
// Lets a pattern have the flag `l`, with which it is an error not to be linear. Patterns without it are compiled and run as before.
setFlagsFromString('--enable-experimental-regexp-engine')

/** CoreDNS's limit, kept so that both refuse the same Corefiles. */
const MAX_PATTERN_LENGTH = 10_000
/** The linear engine steps through every copy for each character of a name, so there is an end to them. */
const MAX_SPELLED_LENGTH = 30_000

/** Throws CorefileError at the token for what RE2 would not take, and for the little of RE2 that V8 cannot run in linear time. */
export function compilePattern(token: Token): RegExp {
  if (token.text.length > MAX_PATTERN_LENGTH) {
    throw refuse(token, `the pattern has ${token.text.length} characters`, `at most ${MAX_PATTERN_LENGTH}`)
  }
  const { source, flags } = translate(token)
  try {
    // Its own mistakes come before those of what is made of it.
    const written = new RegExp(source, flags)
    if (isLinear(source, flags)) return written
    const spelled = spellOut(source, MAX_SPELLED_LENGTH)
    if (spelled !== undefined && isLinear(spelled, flags)) return new RegExp(spelled, flags)
  } catch (error) {
    throw refuse(token, (error as Error).message, 'a regular expression')
  }
  const expected =
    "smaller counts, '+' in their place, one repetition instead of nested ones, or (?:…) around what is repeated"
  throw refuse(token, 'repetitions that may take very long', expected)
}

/** Whether the linear engine takes the pattern. */
function isLinear(source: string, flags: string): boolean {
  try {
    void new RegExp(source, `${flags}l`)
    return true
  } catch {
    return false
  }
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
