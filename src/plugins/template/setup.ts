import type { Cursor } from '../../corefile/directive.ts'
import { CorefileError } from '../../corefile/error.ts'
import type { Token } from '../../corefile/token.ts'
import { readMetadata } from '../../server/metadata.ts'
import { type Block, type Plugin, joinChain } from '../../server/plugin.ts'
import { Rcode, parseClass, parseRcode, parseType } from '../../wire/constants.ts'
import { Section } from '../../wire/reply.ts'
import { compilePattern } from '../pattern.ts'
import { Scope } from '../scope.ts'
import { type Asked, QUESTION_FUNCTIONS } from './environment.ts'
import { type Expression, compileExpression, isReserved } from './expression.ts'
import { ExpressionSyntaxError } from './lexeme.ts'
import type { ExprType } from './library.ts'
import { TemplateSyntaxError, compileTemplate } from './gotemplate.ts'
import { templateMetrics } from './metrics.ts'
import { type Pattern, type RecordTemplate, TemplateHandler, type TemplateOptions } from './template.ts'

const SECTIONS: Readonly<Record<string, Section>> = {
  answer: Section.Answer,
  authority: Section.Authority,
  additional: Section.Additional,
}
const PROPERTIES = ['match', 'var', 'expr', ...Object.keys(SECTIONS), 'rcode', 'ederror', 'fallthrough']
const MAX_INFO_CODE = 65_535

export const template: Plugin = {
  name: 'template',
  repeatable: true,
  setup(cursor, block) {
    const options = readOptions(cursor, block)
    const author = joinChain(block, 'template')
    const metrics = templateMetrics(block)
    return { handler: next => new TemplateHandler(next, author, options, metrics, block) }
  },
}

function readOptions(cursor: Cursor, block: Block): TemplateOptions {
  const qclass = readNumber(cursor, parseClass, 'a class such as IN, or ANY')
  const qtype = readNumber(cursor, parseType, 'a record type such as A, or ANY')
  const zones = cursor.zones()
  const patterns: Pattern[] = []
  const records: RecordTemplate[] = []
  const types = new Map<string, ExprType>()
  const variables: { name: string; expression: Expression<Asked> }[] = []
  const conditions: Expression<Asked>[] = []
  let rcode: Rcode = Rcode.NOERROR
  let extendedError: TemplateOptions['extendedError']
  let fallthrough: string[] = []
  for (const line of cursor.block()) {
    const { text } = line.name
    noteLabels(line, block)
    if (Object.hasOwn(SECTIONS, text)) {
      const tokens = readTokens(line, 'a record such as "{{ .Name }} 60 IN A 10.0.0.1"')
      records.push(...tokens.map(token => readTemplate(token, SECTIONS[text])))
    } else if (text === 'match') {
      const tokens = readTokens(line, 'a regular expression')
      patterns.push(...tokens.map(token => ({ source: token.text, regexp: compilePattern(token) })))
    } else if (text === 'rcode') {
      rcode = readNumber(line, parseRcode, 'a response code such as NXDOMAIN')
      line.end()
    } else if (text === 'ederror') {
      const infoCode = line.integer(0, MAX_INFO_CODE)
      extendedError = { infoCode, text: Buffer.from(line.nextArg()?.text ?? '') }
      line.end()
    } else if (text === 'fallthrough') {
      const written = line.zones()
      fallthrough = written.length > 0 ? written : ['.']
    } else if (text === 'upstream') {
      // Without effect in CoreDNS, too: old Corefiles have it.
      line.remainingArgs()
    } else if (text === 'var') {
      const name = readVariable(line, types)
      const expression = readExpression(line, types)
      types.set(name, expression.type)
      variables.push({ name, expression })
    } else if (text === 'expr') {
      conditions.push(readExpression(line, types))
    } else throw line.unknown(PROPERTIES)
    line.noBlock()
  }
  return {
    qclass,
    qtype,
    zones: new Scope(zones.length > 0 ? zones : block.zones),
    patterns: patterns.length > 0 ? patterns : [{ source: '.*', regexp: /.*/ }],
    variables,
    conditions,
    records: records.sort((a, b) => a.section - b.section),
    rcode,
    extendedError,
    fallthrough: new Scope(fallthrough),
  }
}

function readNumber(cursor: Cursor, parse: (text: string) => number | undefined, what: string): number {
  const token = cursor.requireArg(what)
  const value = parse(token.text)
  if (value === undefined) throw cursor.error('bad_argument', `'${token.text}' is not known`, what, token)
  return value
}

function readTokens(line: Cursor, what: string): Token[] {
  return [line.requireArg(what), ...line.remainingArgs()]
}

function readTemplate(token: Token, section: Section): RecordTemplate {
  try {
    return { section, source: token.text, execute: compileTemplate(token.text) }
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error
    throw new CorefileError('bad_argument', locate(token, error.offset), error.message, 'a template of Go')
  }
}

function readVariable(line: Cursor, known: ReadonlyMap<string, ExprType>): string {
  const token = line.requireArg('the name of a variable, and an expression')
  const { text } = token
  if (!/^[a-z_]\w*$/i.test(text)) {
    throw line.error('bad_argument', `'${text}' is no name of a variable`, 'letters, digits and _', token)
  }
  if (known.has(text) || isReserved(text) || Object.hasOwn(QUESTION_FUNCTIONS, text)) {
    throw line.error('bad_argument', `the name '${text}' is taken`, 'another one', token)
  }
  return text
}

/** The rest of the line. */
function readExpression(line: Cursor, variables: ReadonlyMap<string, ExprType>): Expression<Asked> {
  const tokens = readTokens(line, "an expression such as incidr(client_ip(), '10.0.0.0/8')")
  const position = (offset: number): ReturnType<typeof locate> => {
    let at = offset
    let i = 0
    // The words of the line have one blank between them.
    while (at > tokens[i].text.length && i < tokens.length - 1) at -= tokens[i++].text.length + 1
    return locate(tokens[i], at)
  }
  try {
    return compileExpression(tokens.map(({ text }) => text).join(' '), {
      functions: QUESTION_FUNCTIONS,
      variables,
      compilePattern: (text, offset) => compilePattern({ ...tokens[0], ...position(offset), text }),
    })
  } catch (error) {
    if (!(error instanceof ExpressionSyntaxError)) throw error
    throw new CorefileError('bad_argument', position(error.offset), error.message, 'an expression of the expr language')
  }
}

/** Plugins are told of the labels that are written out; one that is put together when a question comes is looked for then. */
function noteLabels(line: Cursor, block: Block): void {
  for (const { text } of line.args) {
    for (const [, label] of text.matchAll(/(?:\.Meta\s+|metadata\(\s*)["'`]([^"'`]+)["'`]/g)) readMetadata(block, label)
  }
}

/** Where in the file the character at `offset` of the token is. */
function locate(token: Token, offset: number): { file: string; line: number; column: number } {
  const lines = token.text.slice(0, offset).split('\n')
  const last = lines[lines.length - 1].length
  const isFirst = lines.length === 1
  const column = isFirst ? token.column + (token.quoted ? 1 : 0) + last : last + 1
  return { file: token.file, line: token.line + lines.length - 1, column }
}
