// The part of Go's text/template that answers are written with: fields, functions, pipelines, `if`. A template is compiled once into functions;
// what is not understood is told at the start, with its place in the text.

import { FUNCTIONS, type Value, isTrue, printValue } from './value.ts'

/** What a template can tell of. */
export interface TemplateData {
  readonly Zone: string
  readonly Name: string
  readonly Class: string
  readonly Type: string
  readonly Regex: string
  readonly Remote: string
  readonly Match: readonly string[]
  readonly Group: ReadonlyMap<string, string>
  /** What `var` has set. */
  readonly Var: ReadonlyMap<string, Value>
  readonly Question: Readonly<Record<(typeof QUESTION_FIELDS)[number], Value>>
  readonly Message: Readonly<Record<(typeof MESSAGE_FIELDS)[number], Value>>
  /** Metadata by its label; empty where there is none. */
  readonly Meta: (label: string) => string
}

const QUESTION_FIELDS = ['Name', 'Qtype', 'Qclass'] as const
const MESSAGE_FIELDS = [
  'Id',
  'Response',
  'Opcode',
  'Authoritative',
  'Truncated',
  'RecursionDesired',
  'RecursionAvailable',
  'AuthenticatedData',
  'CheckingDisabled',
  'Rcode',
] as const

/** Throws TemplateError where it cannot be executed. */
export type Template = (data: TemplateData) => string

/** What is wrong with the text of a template; `offset` counts from 0. */
export class TemplateSyntaxError extends Error {
  override readonly name = 'TemplateSyntaxError'
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

type Expression = (data: TemplateData) => Value

interface Word {
  readonly text: string
  readonly offset: number
}

/** Text between actions, or the words of one. */
type Piece = { readonly text: string } | { readonly words: readonly Word[]; readonly offset: number }

const LEAVES = ['Zone', 'Name', 'Class', 'Type', 'Regex', 'Remote', 'Match'] as const
const KNOWN = [...LEAVES, 'Group.NAME', 'Var.NAME', 'Question.FIELD', 'Message.FIELD', 'Meta "NAME"']
  .map(name => `.${name}`)
  .join(', ')

/** Throws TemplateSyntaxError for what is no template, or has an action that is not supported. */
export function compileTemplate(text: string): Template {
  return new Parser(splitPieces(text), text.length).parse()
}

function splitPieces(text: string): Piece[] {
  const pieces: Piece[] = []
  // A comment ends at its own sign; elsewhere, `}}` within quotes is no end.
  const action = /\{\{(-\s)?((?:\s*\/\*[^]*?\*\/\s*)|(?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^"`])*?)(\s-)?\}\}/y
  let at = 0
  let trimsNext = false
  while (at <= text.length) {
    const open = text.indexOf('{{', at)
    const end = open < 0 ? text.length : open
    action.lastIndex = end
    const match = open < 0 ? undefined : action.exec(text)
    if (match === null) throw new TemplateSyntaxError(open, "'{{' without '}}'")
    let piece = text.slice(at, end)
    if (trimsNext) piece = piece.trimStart()
    if (match?.[1]) piece = piece.trimEnd()
    pieces.push({ text: piece })
    if (!match) break
    trimsNext = match[3] !== undefined
    at = action.lastIndex
    const bodyAt = open + 2 + (match[1]?.length ?? 0)
    if (!/^\s*\/\*/.test(match[2])) pieces.push({ words: splitWords(match[2], bodyAt), offset: open })
  }
  return pieces
}

const WORD = /\s+|"(?:[^"\\]|\\.)*"|`[^`]*`|[$.\w]+|-?\d\w*|:=|[|()]|[^]/g

function splitWords(body: string, from: number): Word[] {
  return Array.from(body.matchAll(WORD), match => ({ text: match[0], offset: from + match.index })).filter(
    ({ text }) => text.trim() !== '',
  )
}

class Parser {
  readonly #pieces: readonly Piece[]
  readonly #length: number
  #index = 0

  constructor(pieces: readonly Piece[], length: number) {
    this.#pieces = pieces
    this.#length = length
  }

  parse(): Template {
    const { body, end } = this.#body()
    if (end) throw new TemplateSyntaxError(end.offset, `'${end.words[0].text}' without 'if'`)
    return body
  }

  /** Up to the end, or to an `else` or `end`. */
  #body(): { body: Template; end: { words: readonly Word[]; offset: number } | undefined } {
    const parts: (string | Template)[] = []
    const body: Template = data => {
      let text = ''
      for (const part of parts) text += typeof part === 'string' ? part : part(data)
      return text
    }
    while (this.#index < this.#pieces.length) {
      const piece = this.#pieces[this.#index++]
      if ('text' in piece) {
        parts.push(piece.text)
        continue
      }
      const keyword = piece.words[0]?.text
      if (keyword === undefined) throw new TemplateSyntaxError(piece.offset, 'an action without anything in it')
      if (keyword === 'else' || keyword === 'end') return { body, end: piece }
      if (keyword === 'if') parts.push(this.#conditional(piece.words.slice(1), piece.offset))
      else {
        const value = compilePipeline(piece.words, piece.offset)
        parts.push(data => printValue(value(data)))
      }
    }
    return { body, end: undefined }
  }

  #conditional(words: readonly Word[], offset: number): Template {
    const condition = compilePipeline(words, offset)
    const { body, end } = this.#body()
    if (!end) throw new TemplateSyntaxError(this.#length, "'if' without 'end'")
    let otherwise = NOTHING
    const [keyword, next] = end.words
    if (keyword.text === 'else' && next?.text === 'if') otherwise = this.#conditional(end.words.slice(2), end.offset)
    else if (keyword.text === 'else') {
      const rest = this.#body()
      if (!rest.end) throw new TemplateSyntaxError(this.#length, "'else' without 'end'")
      if (rest.end.words[0].text !== 'end') throw new TemplateSyntaxError(rest.end.offset, "'else' behind 'else'")
      otherwise = rest.body
    }
    return data => (isTrue(condition(data)) ? body(data) : otherwise(data))
  }
}

const NOTHING: Template = () => ''
const UNSUPPORTED = new Set(['range', 'with', 'define', 'template', 'block', 'break', 'continue'])

function compilePipeline(words: readonly Word[], offset: number): Expression {
  const cursor = new Operands(words, offset)
  const value = cursor.pipeline()
  cursor.end()
  return value
}

/** Reads the operands of one action. */
class Operands {
  readonly #words: readonly Word[]
  readonly #offset: number
  #index = 0

  constructor(words: readonly Word[], offset: number) {
    this.#words = words
    this.#offset = offset
  }

  /** Commands with `|` between them: the value of each is the last argument of the next. */
  pipeline(): Expression {
    let value = this.#command(undefined)
    while (this.#words[this.#index]?.text === '|') {
      this.#index++
      value = this.#command(value)
    }
    return value
  }

  end(): void {
    const word = this.#words[this.#index]
    if (word) throw new TemplateSyntaxError(word.offset, `unexpected '${word.text}'`)
  }

  #command(piped: Expression | undefined): Expression {
    const word = this.#words[this.#index]
    if (!word) throw new TemplateSyntaxError(this.#offset, 'a value is missing')
    if (UNSUPPORTED.has(word.text)) throw new TemplateSyntaxError(word.offset, `'${word.text}' is not supported`)
    const isMeta = /^\$?\.Meta$/.test(word.text)
    const isFunction = isMeta || Object.hasOwn(FUNCTIONS, word.text)
    if (!isFunction && /^[a-z]\w*$/i.test(word.text) && !LITERALS.has(word.text)) {
      const known = Object.keys(FUNCTIONS).join(', ')
      throw new TemplateSyntaxError(word.offset, `'${word.text}' is no function; there are ${known}`)
    }
    if (!isFunction) {
      const value = this.#operand()
      if (piped) throw new TemplateSyntaxError(word.offset, `'${word.text}' is no function, and takes no argument`)
      return value
    }
    this.#index++
    const args: Expression[] = []
    while (this.#index < this.#words.length && !/^[|)]$/.test(this.#words[this.#index].text)) args.push(this.#operand())
    if (piped) args.push(piped)
    if (isMeta) {
      const [label] = args
      if (args.length !== 1) throw new TemplateSyntaxError(word.offset, "'.Meta' takes one label")
      return data => data.Meta(printValue(label(data)))
    }
    const call = FUNCTIONS[word.text]
    return data => call(...args.map(arg => arg(data)))
  }

  #operand(): Expression {
    const { text, offset } = this.#words[this.#index++]
    if (text === '(') {
      const value = this.pipeline()
      if (this.#words[this.#index++]?.text !== ')') throw new TemplateSyntaxError(offset, "'(' without ')'")
      return value
    }
    if (text.startsWith('`')) return constant(text.slice(1, -1))
    if (text.startsWith('"')) return constant(unquote(text, offset))
    if (LITERALS.has(text)) return constant(LITERALS.get(text))
    if (/^-?(\d+|0[xX][\da-fA-F]+)$/.test(text)) {
      return constant(text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text))
    }
    if (/^\$?(\.\w+)+$/.test(text)) return compileField(text.replace('$', '').slice(1).split('.'), offset)
    if (Object.hasOwn(FUNCTIONS, text)) throw new TemplateSyntaxError(offset, `'${text}' stands in parentheses here`)
    throw new TemplateSyntaxError(offset, `'${text}' is not supported; there are ${KNOWN}`)
  }
}

const LITERALS: ReadonlyMap<string, Value> = new Map([
  ['true', true],
  ['false', false],
])

const constant =
  (value: Value): Expression =>
  () =>
    value

function unquote(text: string, offset: number): string {
  try {
    return JSON.parse(text) as string
  } catch {
    throw new TemplateSyntaxError(offset, `${text} is no text`)
  }
}

function compileField([root, field, ...more]: readonly string[], offset: number): Expression {
  const leaf = LEAVES.find(name => name === root)
  if (leaf && field === undefined) return data => data[leaf]
  if (root === 'Group' && more.length === 0) {
    return data => (field === undefined ? data.Group : data.Group.get(field))
  }
  if (root === 'Var' && field !== undefined && more.length === 0) return data => data.Var.get(field)
  const inQuestion = QUESTION_FIELDS.find(name => name === field)
  if (root === 'Question' && inQuestion && more.length === 0) return data => data.Question[inQuestion]
  const inMessage = MESSAGE_FIELDS.find(name => name === field)
  if (root === 'Message' && inMessage && more.length === 0) return data => data.Message[inMessage]
  const text = ['', root, ...(field === undefined ? [] : [field]), ...more].join('.')
  throw new TemplateSyntaxError(offset, `'${text}' is not supported; there are ${KNOWN}`)
}
