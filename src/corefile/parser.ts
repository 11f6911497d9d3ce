// Server blocks, snippets and imports: Caddy's grammar without knowledge of what any directive means.
//
//   file    = { block | snippet | import }
//   block   = key { [","] key } "{" newline { directive | import } "}"     (the braces may go when there is one block)
//   snippet = "(" name ")" "{" … "}"
//   import  = "import" ( snippet name | file | pattern )

import { resolve } from 'node:path'
import type { Directive } from './directive.ts'
import { type Environment, replaceVariables } from './environment.ts'
import { CorefileError } from './error.ts'
import { hasWildcard, readImport } from './import.ts'
import { readTokens } from './lexer.ts'
import { findNearest } from './nearest.ts'
import { isCloseBrace, isOpenBrace, type Token } from './token.ts'

export interface ServerBlock {
  /** As written, variables replaced; `parseKey` gives them their meaning. */
  keys: Token[]
  directives: Directive[]
}

export interface ParseOptions {
  /** For `{$NAME}`; the process's own environment by default. */
  env?: Environment
  /** The directives that exist; without them any name passes. */
  directives?: readonly string[]
  /** What to say of directives that do not exist here but do elsewhere, by their names. */
  foreign?: Readonly<Record<string, string>>
  /** Told about what is odd but no error: a pattern that matches no file, an empty file. */
  warn?: (message: string) => void
}

// Both as in CoreDNS in spirit: imports that double at each level stay finite in time and in memory.
const MAX_IMPORTS = 10_000
const MAX_TOKENS = 1_000_000
const MAX_DEPTH = 32

/**
 * Parses a Corefile and everything that it imports.
 * `file` names it in errors, and relative imports start from its directory. Throws CorefileError for the first mistake.
 */
export function parseCorefile(text: string, file: string, options: ParseOptions = {}): ServerBlock[] {
  return new Parser(text, file, options).parse()
}

/** Tokens being read, and the import that they came through. */
interface Frame {
  /** The file or snippet, for finding cycles. */
  source: string
  tokens: readonly Token[]
  index: number
  parent: Frame | undefined
}

class Parser {
  private readonly environment: Environment
  private readonly options: ParseOptions
  private readonly snippets = new Map<string, Token[]>()
  private readonly frames: Frame[]
  private importCount = 0
  private tokenCount = 0

  constructor(text: string, file: string, options: ParseOptions) {
    this.options = options
    this.environment = options.env ?? process.env
    this.frames = [{ source: resolve(file), tokens: readTokens(text, file), index: 0, parent: undefined }]
  }

  parse(): ServerBlock[] {
    const blocks: ServerBlock[] = []
    while (this.peek() !== undefined) {
      const keys = this.readKeys()
      const snippet = keys.length === 1 ? /^\((.*)\)$/s.exec(keys[0].text) : null
      if (snippet !== null) this.readSnippet(keys[0], snippet[1])
      else if (keys.length > 0) blocks.push({ keys, directives: this.readBody() })
    }
    return blocks
  }

  private readKeys(): Token[] {
    const keys: Token[] = []
    let comma: Token | undefined
    for (let token = this.peek(); token !== undefined; token = this.peek()) {
      if (isCloseBrace(token)) throw unexpected(token, 'a zone that begins a server block')
      if (isOpenBrace(token)) {
        if (comma !== undefined) throw new CorefileError('missing_zone', comma, 'zone after this comma missing', 'one')
        if (keys.length > 0) return keys
        throw new CorefileError('missing_zone', token, 'server block without a zone', "a zone before '{'")
      }
      if (token.startsLine && keys.length > 0 && comma === undefined) return keys
      if (isImport(token)) {
        this.expandImport()
        continue
      }
      const key = replaceVariables(this.next(), this.environment)
      comma = key.text.endsWith(',') ? token : undefined
      const zone = comma === undefined ? key.text : key.text.slice(0, -1)
      if (zone !== '') keys.push({ ...key, text: zone })
      else if (comma !== undefined) throw new CorefileError('missing_zone', token, 'no zone before this comma', 'one')
    }
    if (comma !== undefined) throw new CorefileError('missing_zone', comma, 'zone after this comma missing', 'one')
    return keys
  }

  private readBody(): Directive[] {
    const token = this.peek()
    const open = token !== undefined && isOpenBrace(token) ? this.next() : undefined
    const directives: Directive[] = []
    for (let token = this.peek(); token !== undefined; token = this.peek()) {
      if (isCloseBrace(token)) {
        if (open === undefined) throw unexpected(token, 'a directive: no server block or property is open here')
        this.next()
        return directives
      }
      if (isOpenBrace(token)) throw unexpected(token, 'a directive before its block')
      if (isImport(token)) this.expandImport()
      else directives.push(this.readDirective(open !== undefined))
    }
    if (open !== undefined) throw neverClosed(open)
    return directives
  }

  private readDirective(braced: boolean): Directive {
    const name = replaceVariables(this.next(), this.environment)
    this.checkDirective(name, braced)
    const tokens = [name]
    const open: Token[] = []
    for (let token = this.peek(); token !== undefined; token = this.peek()) {
      const previous = tokens.at(-1) as Token
      if (open.length === 0 && (isCloseBrace(token) || (token.startsLine && !isOpenBrace(token)))) break
      if (isCloseBrace(token)) {
        open.pop()
      } else if (isCloseBrace(previous) && !token.startsLine) {
        throw unexpected(token, "a new line after '}'")
      } else if (isOpenBrace(token)) {
        if (token.startsLine) throw unexpected(token, "'{' at the end of the line that it belongs to")
        if (open.length === MAX_DEPTH) throw unexpected(token, `at most ${MAX_DEPTH} blocks in each other`)
        open.push(token)
      } else if (token.startsLine && isImport(token)) {
        this.expandImport()
        continue
      }
      tokens.push(replaceVariables(this.next(), this.environment))
    }
    const unclosed = open.at(-1)
    if (unclosed !== undefined) throw neverClosed(unclosed)
    return { name, tokens }
  }

  private checkDirective(name: Token, braced: boolean): void {
    const known = this.options.directives
    if (known === undefined || known.includes(name.text)) return
    const { foreign = {} } = this.options
    const note = Object.hasOwn(foreign, name.text) ? foreign[name.text] : undefined
    const nearest = findNearest(name.text, known)
    const hint = nearest === undefined ? '' : ` (did you mean '${nearest}'?)`
    const next = this.peek()
    const braces =
      !braced && next !== undefined && isOpenBrace(next)
        ? ', or, if it is a second server block, braces around the first as well'
        : ''
    const list = [...known].sort().join(', ')
    const what = note ?? `unknown directive '${name.text}'${hint}`
    throw new CorefileError('unknown_directive', name, what, `one of ${list}${braces}`)
  }

  private readSnippet(key: Token, name: string): void {
    const open = this.peek()
    if (open === undefined || !isOpenBrace(open)) {
      throw new CorefileError('unbalanced_brace', key, `snippet '${name}' has no body`, "'{' after it")
    }
    if (name === '') throw new CorefileError('bad_import', key, 'snippet has no name', 'one between the parentheses')
    if (this.snippets.has(name)) {
      throw new CorefileError('duplicate_snippet', key, `snippet '${name}' is already defined`, 'another name')
    }
    this.next()
    const tokens: Token[] = []
    for (let depth = 1; ; ) {
      if (this.peek() === undefined) throw neverClosed(open)
      const token = this.next()
      if (isOpenBrace(token)) depth++
      if (isCloseBrace(token) && --depth === 0) break
      tokens.push(token)
    }
    this.snippets.set(name, tokens)
  }

  /** Reads `import WHAT` and goes on with the tokens of WHAT, then with what follows. */
  private expandImport(): void {
    const keyword = this.next()
    const frame = this.frames.at(-1) as Frame
    const written = frame.tokens[frame.index]
    const what = 'a snippet, a file or a pattern'
    if (written === undefined || written.startsLine || isOpenBrace(written) || isCloseBrace(written)) {
      throw new CorefileError('bad_import', keyword, 'import of nothing', what)
    }
    frame.index++
    const extra = frame.tokens[frame.index]
    if (extra !== undefined && !extra.startsLine && !isCloseBrace(extra)) {
      throw new CorefileError('bad_import', extra, `'${extra.text}' is one argument too many for import`, what)
    }
    const pattern = replaceVariables(written, this.environment)
    if (pattern.text === '') throw new CorefileError('bad_import', pattern, 'import of an empty name', what)
    if (++this.importCount > MAX_IMPORTS) {
      throw new CorefileError('import_limit', pattern, 'too many imports', `at most ${MAX_IMPORTS} in all`)
    }
    const snippet = this.snippets.get(pattern.text)
    if (snippet !== undefined) {
      this.push(pattern, { source: `(${pattern.text})`, tokens: snippet, index: 0, parent: frame })
      return
    }
    const files = readImport(pattern)
    if (files.length === 0 && hasWildcard(pattern.text)) this.warn(pattern, `no file matches ${pattern.text}`)
    const frames = files.map(({ path, text }): Frame => {
      const tokens = readTokens(text, path)
      if (tokens.length === 0) this.warn(pattern, `${path} is empty`)
      return { source: resolve(path), tokens, index: 0, parent: frame }
    })
    // Frames are a stack: the file to be read first goes on last.
    for (const imported of frames.toReversed()) this.push(pattern, imported)
  }

  private push(pattern: Token, frame: Frame): void {
    for (let above = frame.parent; above !== undefined; above = above.parent) {
      if (above.source === frame.source) {
        throw new CorefileError(
          'import_cycle',
          pattern,
          `${frame.source} imports itself`,
          'imports that come to an end',
        )
      }
    }
    this.tokenCount += frame.tokens.length
    if (this.tokenCount > MAX_TOKENS) {
      throw new CorefileError('import_limit', pattern, 'imports are too large', `at most ${MAX_TOKENS} words in all`)
    }
    this.frames.push(frame)
  }

  private warn(position: Token, message: string): void {
    this.options.warn?.(`${position.file}:${position.line}:${position.column}: ${message}`)
  }

  private peek(): Token | undefined {
    for (;;) {
      const frame = this.frames.at(-1)
      if (frame === undefined) return undefined
      if (frame.index < frame.tokens.length) return frame.tokens[frame.index]
      this.frames.pop()
    }
  }

  /** Only after `peek` has found a token. Leaves the frame it came from on top. */
  private next(): Token {
    const frame = this.frames.at(-1) as Frame
    return frame.tokens[frame.index++]
  }
}

function isImport(token: Token): boolean {
  return token.text === 'import' && !token.quoted
}

function unexpected(token: Token, expected: string): CorefileError {
  const code = isOpenBrace(token) || isCloseBrace(token) ? 'unbalanced_brace' : 'unexpected_token'
  return new CorefileError(code, token, `unexpected '${token.text}'`, expected)
}

function neverClosed(open: Token): CorefileError {
  return new CorefileError('unbalanced_brace', open, "'{' is never closed", "'}' before the end of the file")
}
