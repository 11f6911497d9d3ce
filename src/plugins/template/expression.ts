// Expressions of the expr language (expr-lang.org/docs/language-definition), the part of it that says something about a question. One is
// compiled once into functions; what is not understood is told at the start, with its place. A name from the network decides how long one
// takes, so steps, lists and texts are bounded.

import {
  type ExprFunction,
  type ExprType,
  type ExprValue,
  ExpressionError,
  LIBRARY,
  requireValue,
  typeOf,
} from './library.ts'
import { ExpressionSyntaxError, type Lexeme, splitLexemes } from './lexeme.ts'
import { ALIASES, OPERATORS, type Operator, PREDICATES, type Predicate, UNARY } from './operator.ts'

/** What an expression is evaluated with. */
export interface Frame<C> {
  readonly context: C
  readonly variables: Map<string, ExprValue>
  /** `#` of each predicate that is being asked, the innermost last. */
  readonly elements: ExprValue[]
  steps: number
}

export interface Expression<C> {
  readonly type: ExprType
  /** Throws ExpressionError. */
  run(frame: Frame<C>): ExprValue
}

export interface ExpressionOptions<C> {
  readonly functions: Readonly<Record<string, ExprFunction<C>>>
  /** Variables that may be used. */
  readonly variables: ReadonlyMap<string, ExprType>
  /** The pattern of `matches` at `offset`; throws for what is none. */
  compilePattern(text: string, offset: number): RegExp
}

const MAX_STEPS = 20_000
/** Of parentheses and the like within each other. */
const MAX_DEPTH = 100

export const newFrame = <C>(context: C): Frame<C> => ({ context, variables: new Map(), elements: [], steps: 0 })

/** Names that cannot be variables. */
export const isReserved = (name: string): boolean =>
  KEYWORDS.has(name) || Object.hasOwn(LIBRARY, name) || Object.hasOwn(PREDICATES, name) || FOREIGN.has(name)

/** Throws ExpressionSyntaxError. */
export function compileExpression<C>(text: string, options: ExpressionOptions<C>): Expression<C> {
  return new Compiler(splitLexemes(text), options).compile()
}

const KEYWORDS = new Set('true false nil in not and or matches contains startsWith endsWith let if else'.split(' '))

/** What the language has beside it, and this does not. */
const FOREIGN = new Set(
  'type map reduce sortBy groupBy countBy concat take flatten uniq sort mean median toJSON fromJSON toBase64 fromBase64 toPairs fromPairs now date duration timezone get splitAfter findIndex findLast findLastIndex bitand bitor bitxor bitnand bitnot bitshl bitshr bitushr'.split(
    ' ',
  ),
)

class Compiler<C> {
  readonly #lexemes: readonly Lexeme[]
  readonly #options: ExpressionOptions<C>
  #index = 0
  #depth = 0
  /** How many predicates this is within. */
  #predicates = 0

  constructor(lexemes: readonly Lexeme[], options: ExpressionOptions<C>) {
    this.#lexemes = lexemes
    this.#options = options
  }

  compile(): Expression<C> {
    const expression = this.#expression()
    const { kind, text, offset } = this.#next
    if (kind !== 'end') throw new ExpressionSyntaxError(offset, `unexpected '${text}'`)
    return expression
  }

  get #next(): Lexeme {
    return this.#lexemes[this.#index]
  }

  /** Reads a sign or a word, if it is this one. */
  #accept(text: string): boolean {
    const { kind } = this.#next
    if (this.#next.text !== text || (kind !== 'sign' && kind !== 'name')) return false
    this.#index++
    return true
  }

  #expect(text: string): void {
    const { offset, text: found } = this.#next
    if (!this.#accept(text)) throw new ExpressionSyntaxError(offset, `'${found}' in place of '${text}'`)
  }

  #expression(): Expression<C> {
    let value = this.#binary(0)
    while (this.#accept('|')) value = this.#call(this.#name(), value)
    const { offset } = this.#next
    if (this.#accept('?')) value = this.#choice(value, offset)
    return value
  }

  #choice(condition: Expression<C>, offset: number): Expression<C> {
    requireType(condition, 'bool', offset)
    const yes = this.#expression()
    this.#expect(':')
    const no = this.#expression()
    return node(yes.type === no.type ? yes.type : 'any', frame =>
      (requireValue(condition.run(frame), 'bool') ? yes : no).run(frame),
    )
  }

  #binary(least: number): Expression<C> {
    if (++this.#depth > MAX_DEPTH) throw new ExpressionSyntaxError(this.#next.offset, 'too deep')
    const value = this.#operations(least)
    this.#depth--
    return value
  }

  #operations(least: number): Expression<C> {
    let left = this.#unary()
    for (;;) {
      const { text, kind, offset } = this.#next
      if (kind !== 'sign' && kind !== 'name') return left
      const isNegated = text === 'not'
      if (isNegated && this.#lexemes[this.#index + 1].kind !== 'name') return left
      const word = isNegated ? this.#lexemes[this.#index + 1].text : (ALIASES[text] ?? text)
      const operator = Object.hasOwn(OPERATORS, word) ? OPERATORS[word] : undefined
      if (!operator || operator.precedence < least) return left
      this.#index += isNegated ? 2 : 1
      const right = this.#binary(operator.precedence + (operator.isRight ? 0 : 1))
      left = this.#operate(word, operator, left, right, offset)
      if (isNegated) left = negate(left)
    }
  }

  #operate(word: string, operator: Operator, left: Expression<C>, right: Expression<C>, offset: number): Expression<C> {
    const { takes, returns, of } = operator
    if (takes) for (const side of [left, right]) requireType(side, takes, offset)
    if (word === '==' || word === '!=') requireAlike(left, right, offset)
    if (word === '??') return node('any', frame => left.run(frame) ?? right.run(frame))
    if (word === 'or')
      return node('bool', frame => requireValue(left.run(frame), 'bool') || requireValue(right.run(frame), 'bool'))
    if (word === 'and')
      return node('bool', frame => requireValue(left.run(frame), 'bool') && requireValue(right.run(frame), 'bool'))
    if (word === 'matches') return this.#match(left, offset)
    const type = word === '+' && left.type === right.type ? left.type : returns
    const apply = of as unknown as (a: ExprValue, b: ExprValue) => ExprValue
    return node(type, frame => {
      const a = left.run(frame)
      const b = right.run(frame)
      return takes ? apply(requireValue(a, takes), requireValue(b, takes)) : apply(a, b)
    })
  }

  /** The pattern is a text as it stands there: one that a question makes could be anything. */
  #match(left: Expression<C>, offset: number): Expression<C> {
    const { kind, text, offset: at } = this.#lexemes[this.#index - 1]
    const isAlone = this.#lexemes[this.#index - 2].text === 'matches'
    if (kind !== 'text' || !isAlone) throw new ExpressionSyntaxError(offset, "'matches' takes a text in quotes")
    const pattern = this.#options.compilePattern(text, at)
    return node('bool', frame => pattern.test(requireValue(left.run(frame), 'string')))
  }

  #unary(): Expression<C> {
    const { offset } = this.#next
    if (this.#accept('not') || this.#accept('!')) {
      const value = this.#binary(UNARY.not)
      requireType(value, 'bool', offset)
      return negate(value)
    }
    const isMinus = this.#accept('-')
    if (!isMinus && !this.#accept('+')) return this.#postfix(this.#primary())
    const value = this.#binary(UNARY.sign)
    requireType(value, 'number', offset)
    const sign = isMinus ? -1 : 1
    return node('number', frame => sign * requireValue(value.run(frame), 'number'))
  }

  #primary(): Expression<C> {
    const lexeme = this.#next
    const { kind, text, offset } = lexeme
    this.#index++
    if (kind === 'number') return constant(readNumber(lexeme))
    if (kind === 'text') return constant(text)
    if (kind === 'name') return this.#word(lexeme)
    switch (kind === 'sign' ? text : '') {
      case '(': {
        const value = this.#expression()
        this.#expect(')')
        return value
      }
      case '[':
        return this.#list()
      case '{':
        return this.#map()
      case '#':
        if (this.#predicates === 0)
          throw new ExpressionSyntaxError(offset, "'#' stands in a predicate only: any(list, # == 1)")
        return node('any', frame => frame.elements.at(-1))
      default:
        throw new ExpressionSyntaxError(offset, kind === 'end' ? 'a value is missing' : `unexpected '${text}'`)
    }
  }

  #word(lexeme: Lexeme): Expression<C> {
    const { text, offset } = lexeme
    if (text === 'true' || text === 'false') return constant(text === 'true')
    if (text === 'nil') return constant(undefined)
    if (this.#next.text === '(' && this.#next.kind === 'sign') return this.#call(lexeme)
    const type = this.#options.variables.get(text)
    if (type !== undefined) return node(type, frame => frame.variables.get(text))
    const isFunction = Object.hasOwn(this.#options.functions, text) || Object.hasOwn(LIBRARY, text)
    throw new ExpressionSyntaxError(
      offset,
      isFunction ? `'${text}' is a function: ${text}()` : `'${text}' is not known here`,
    )
  }

  #name(): Lexeme {
    const lexeme = this.#next
    if (lexeme.kind !== 'name') throw new ExpressionSyntaxError(lexeme.offset, 'a function has to stand behind |')
    this.#index++
    return lexeme
  }

  /** With what was piped into it as its first argument. */
  #call({ text: name, offset }: Lexeme, piped?: Expression<C>): Expression<C> {
    const known = Object.hasOwn(this.#options.functions, name) ? this.#options.functions[name] : undefined
    if (!known && Object.hasOwn(PREDICATES, name)) return this.#predicate(PREDICATES[name], piped)
    const called = known ?? (Object.hasOwn(LIBRARY, name) ? LIBRARY[name] : undefined)
    if (!called) {
      const functions = [...Object.keys(this.#options.functions), ...Object.keys(LIBRARY), ...Object.keys(PREDICATES)]
      const what = FOREIGN.has(name) ? `the function '${name}' is not supported` : `'${name}' is no function`
      throw new ExpressionSyntaxError(offset, `${what}; there are ${functions.join(', ')}`)
    }
    this.#expect('(')
    const args = piped ? [piped] : []
    if (!this.#accept(')')) {
      do args.push(this.#expression())
      while (this.#accept(','))
      this.#expect(')')
    }
    const { args: types, optional = 0, returns } = called
    if (args.length > types.length || args.length < types.length - optional) {
      throw new ExpressionSyntaxError(offset, `${name}() takes ${types.length} arguments and not ${args.length}`)
    }
    for (const [i, arg] of args.entries()) requireType(arg, types[i], offset)
    return node(returns, frame => {
      const values = args.map((arg, i) => requireValue(arg.run(frame), types[i]))
      return called.call(values, frame.context)
    })
  }

  #predicate({ returns, isCondition, of }: Predicate, piped?: Expression<C>): Expression<C> {
    this.#expect('(')
    const { offset } = this.#next
    const list = piped ?? this.#expression()
    requireType(list, 'array', offset)
    if (!piped) this.#expect(',')
    const hasBraces = this.#accept('{')
    this.#predicates++
    const ask = this.#expression()
    this.#predicates--
    if (isCondition) requireType(ask, 'bool', offset)
    if (hasBraces) this.#expect('}')
    this.#expect(')')
    return node(returns, frame =>
      of(requireValue(list.run(frame), 'array'), element => {
        frame.elements.push(element)
        const value = ask.run(frame)
        frame.elements.pop()
        return isCondition ? requireValue(value, 'bool') : value
      }),
    )
  }

  #list(): Expression<C> {
    const values: Expression<C>[] = []
    while (!this.#accept(']')) {
      values.push(this.#expression())
      if (this.#accept(']')) break
      this.#expect(',')
    }
    return node('array', frame => values.map(value => value.run(frame)))
  }

  #map(): Expression<C> {
    const values: [string, Expression<C>][] = []
    while (!this.#accept('}')) {
      const { kind, text, offset } = this.#next
      if (kind !== 'name' && kind !== 'text') throw new ExpressionSyntaxError(offset, `'${text}' is no key`)
      this.#index++
      this.#expect(':')
      values.push([text, this.#expression()])
      if (this.#accept('}')) break
      this.#expect(',')
    }
    return node('map', frame => new Map(values.map(([key, value]) => [key, value.run(frame)])))
  }

  /** `value[i]`, `value[from:to]`, `map.key`. */
  #postfix(value: Expression<C>): Expression<C> {
    let result = value
    for (;;) {
      const { offset } = this.#next
      if (this.#accept('.')) {
        const { kind, text } = this.#next
        if (kind !== 'name') throw new ExpressionSyntaxError(offset, "a name has to stand behind '.'")
        this.#index++
        requireType(result, 'map', offset)
        const map = result
        result = node('any', frame => requireValue(map.run(frame), 'map').get(text))
      } else if (this.#accept('[')) result = this.#indexed(result, offset)
      else return result
    }
  }

  #indexed(value: Expression<C>, offset: number): Expression<C> {
    const from = this.#next.text === ':' ? undefined : this.#expression()
    if (from && this.#accept(']')) {
      if (value.type !== 'any' && value.type !== 'array' && value.type !== 'map') {
        throw new ExpressionSyntaxError(offset, `[…] of a ${value.type}`)
      }
      return node('any', frame => pick(value.run(frame), from.run(frame)))
    }
    this.#expect(':')
    const to = this.#next.text === ']' ? undefined : this.#expression()
    this.#expect(']')
    for (const bound of [from, to]) if (bound) requireType(bound, 'number', offset)
    return node(value.type, frame => {
      const start = from && requireValue(from.run(frame), 'number')
      const end = to && requireValue(to.run(frame), 'number')
      const whole = value.run(frame)
      if (typeof whole === 'string' || Array.isArray(whole)) return whole.slice(start, end) as ExprValue
      throw new ExpressionError('only texts and lists have parts')
    })
  }
}

function node<C>(type: ExprType, run: (frame: Frame<C>) => ExprValue): Expression<C> {
  return {
    type,
    run(frame) {
      if (++frame.steps > MAX_STEPS) throw new ExpressionError(`more than ${MAX_STEPS} steps`)
      return run(frame)
    },
  }
}

const constant = <C>(value: ExprValue): Expression<C> => node(typeOf(value), () => value)

const negate = <C>(value: Expression<C>): Expression<C> =>
  node('bool', frame => !requireValue(value.run(frame), 'bool'))

function readNumber({ text, offset }: Lexeme): number {
  const value = Number(text)
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value
  throw new ExpressionSyntaxError(offset, `${text} is too large`)
}

function pick(value: ExprValue, key: ExprValue): ExprValue {
  if (value instanceof Map) return value.get(requireValue(key, 'string'))
  const list = requireValue(value, 'array')
  const index = requireValue(key, 'number')
  if (index >= list.length || index < -list.length || !Number.isInteger(index))
    throw new ExpressionError(`index out of range: ${index}`)
  return list.at(index)
}

function requireType(value: Expression<never>, type: ExprType, offset: number): void {
  if (type === 'any' || value.type === 'any' || value.type === type) return
  throw new ExpressionSyntaxError(offset, `a ${value.type} in place of a ${type}`)
}

function requireAlike(a: Expression<never>, b: Expression<never>, offset: number): void {
  if (a.type === 'nil' || b.type === 'nil' || a.type === 'any') return
  requireType(b, a.type, offset)
}
