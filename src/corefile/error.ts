import type { Position } from './token.ts'

/** What kind of mistake it is: stable, for programs; the message is for people. */
export type CorefileErrorCode =
  | 'unterminated_quote'
  | 'unexpected_token'
  | 'unbalanced_brace'
  | 'missing_zone'
  | 'bad_zone'
  | 'duplicate_zone'
  | 'unknown_directive'
  | 'unknown_property'
  | 'bad_argument'
  | 'bad_import'
  | 'import_cycle'
  | 'import_limit'
  | 'duplicate_snippet'

/** A mistake in a Corefile. The message is `file:line:column: what is wrong; expected …`. */
export class CorefileError extends Error {
  override readonly name = 'CorefileError'
  readonly code: CorefileErrorCode
  readonly file: string
  readonly line: number
  readonly column: number

  /** `expected` completes the sentence "expected …". */
  constructor(code: CorefileErrorCode, position: Position, what: string, expected: string) {
    super(`${position.file}:${position.line}:${position.column}: ${what}; expected ${expected}`)
    this.code = code
    this.file = position.file
    this.line = position.line
    this.column = position.column
  }
}
