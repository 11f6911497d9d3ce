// The words of an expression.

/** What is wrong with the text of an expression; `offset` counts from 0. */
export class ExpressionSyntaxError extends Error {
  override readonly name = 'ExpressionSyntaxError'
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

export interface Lexeme {
  readonly kind: 'number' | 'text' | 'name' | 'sign' | 'end'
  /** As it is written; of a text, what it says. */
  readonly text: string
  readonly offset: number
}

const LEXEME =
  /\s+|(?<number>0[xX][\da-fA-F_]+|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?)|(?<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)|(?<name>[a-zA-Z_$][\w$]*)|(?<sign>\*\*|\.\.|\?\?|\|\||&&|[=!<>]=|[-+*/%^<>!?:.,|#()[\]{}])/sy

/** Ends with a lexeme of the kind `end`. Throws ExpressionSyntaxError. */
export function splitLexemes(text: string): Lexeme[] {
  const lexemes: Lexeme[] = []
  const pattern = new RegExp(LEXEME)
  while (pattern.lastIndex < text.length) {
    const offset = pattern.lastIndex
    const match = pattern.exec(text)
    if (!match) throw new ExpressionSyntaxError(offset, `'${text[offset]}' is not understood`)
    const { number, text: quoted, name, sign } = match.groups ?? {}
    if (number !== undefined) lexemes.push({ kind: 'number', text: number.replaceAll('_', ''), offset })
    else if (quoted !== undefined) lexemes.push({ kind: 'text', text: unquote(quoted, offset), offset })
    else if (name !== undefined) lexemes.push({ kind: 'name', text: name, offset })
    else if (sign !== undefined) lexemes.push({ kind: 'sign', text: sign, offset })
  }
  lexemes.push({ kind: 'end', text: '', offset: text.length })
  return lexemes
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"' }

function unquote(quoted: string, offset: number): string {
  const text = quoted.slice(1, -1)
  if (quoted.startsWith('`')) return text
  return text.replaceAll(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|(.))/gs,
    (whole, hex: string, unicode: string, sign: string) => {
      const code = hex ?? unicode
      if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16))
      if (Object.hasOwn(ESCAPES, sign)) return ESCAPES[sign]
      throw new ExpressionSyntaxError(offset, `'${whole}' is no escape`)
    },
  )
}
