/** Where something stands in a configuration file; `line` and `column` count from 1, `column` in UTF-16 units. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One word of a Corefile. */
export interface Token extends Position {
  readonly text: string
  /** Written in quotes, or the product of an environment variable: always a plain value, never a brace or a keyword. */
  readonly quoted: boolean
  /** The first word of its line, or the first after an opening brace: a zone, a directive or a property begins here. */
  readonly startsLine: boolean
}

export function isOpenBrace(token: Token): boolean {
  return token.text === '{' && !token.quoted
}

export function isCloseBrace(token: Token): boolean {
  return token.text === '}' && !token.quoted
}
