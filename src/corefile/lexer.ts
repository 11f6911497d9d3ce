// Words of a Corefile, as Caddy's lexer splits them: white space separates, a double quote at the start of a word
// takes everything up to the next one, and `#` begins a comment wherever it stands outside quotes.

import { CorefileError } from './error.ts'
import type { Token } from './token.ts'

/** Splits a file into tokens. Throws CorefileError `unterminated_quote`. */
export function readTokens(text: string, file: string): Token[] {
  const tokens: Token[] = []
  let index = text.startsWith('\uFEFF') ? 1 : 0
  let line = 1
  let lineStart = index
  let startsLine = true

  const push = (word: string, at: { line: number; column: number }, quoted: boolean): void => {
    tokens.push({ text: word, file, line: at.line, column: at.column, quoted, startsLine })
    startsLine = word === '{' && !quoted
  }

  while (index < text.length) {
    const char = text[index]
    const at = { line, column: index - lineStart + 1 }
    if (char === '\n') {
      index++
      line++
      lineStart = index
      startsLine = true
    } else if (isSpace(char)) {
      index++
    } else if (char === '#') {
      index = endOfLine(text, index)
    } else if (char === '"') {
      const quote = readQuoted(text, index + 1)
      if (quote === undefined) {
        throw new CorefileError('unterminated_quote', { file, ...at }, 'quote is never closed', `'"' before the end`)
      }
      push(quote.value, at, true)
      line += quote.newlines
      if (quote.newlines > 0) lineStart = quote.lineStart
      index = quote.end
    } else {
      const end = endOfWord(text, index)
      // A carriage return is dropped even inside a word, as Caddy does.
      push(text.slice(index, end).replaceAll('\r', ''), at, false)
      index = end
    }
  }
  return tokens
}

// Go's unicode.IsSpace: what `\s` holds plus U+0085, without the byte order mark.
const SPACE = /[\s\u0085]/

function isSpace(char: string): boolean {
  return char !== '\uFEFF' && SPACE.test(char)
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from)
  return end === -1 ? text.length : end
}

function endOfWord(text: string, from: number): number {
  let end = from
  while (end < text.length) {
    const char = text[end]
    if (char === '#' || (char !== '\r' && isSpace(char))) break
    end++
  }
  return end
}

interface Quote {
  value: string
  /** Behind the closing quote. */
  end: number
  newlines: number
  /** Where the line of the closing quote begins, when there are newlines. */
  lineStart: number
}

/** `from` is just behind the opening quote. Only `\"` is an escape; every other backslash stands for itself. */
function readQuoted(text: string, from: number): Quote | undefined {
  const quote: Quote = { value: '', end: from, newlines: 0, lineStart: 0 }
  let escaped = false
  for (let i = from; i < text.length; i++) {
    const char = text[i]
    if (char === '\n') {
      quote.newlines++
      quote.lineStart = i + 1
    }
    if (escaped) {
      // The character behind a backslash never closes the quote nor escapes in its turn.
      quote.value += char === '"' ? '"' : `\\${char}`
      escaped = false
    } else if (char === '\\') {
      escaped = true
    } else if (char === '"') {
      quote.end = i + 1
      return quote
    } else {
      quote.value += char
    }
  }
  return undefined
}
