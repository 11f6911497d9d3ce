import type { Cursor } from '../../corefile/directive.ts'
import { CorefileError } from '../../corefile/error.ts'
import type { Token } from '../../corefile/token.ts'
import { type Plugin, joinChain } from '../../server/plugin.ts'
import { Rcode, parseClass, parseRcode, parseType } from '../../wire/constants.ts'
import { Section } from '../../wire/reply.ts'
import { compilePattern } from '../pattern.ts'
import { Scope } from '../scope.ts'
import { TemplateSyntaxError, compileTemplate } from './gotemplate.ts'
import { templateMetrics } from './metrics.ts'
import { type Pattern, type RecordTemplate, TemplateHandler, type TemplateOptions } from './template.ts'

const SECTIONS: Readonly<Record<string, Section>> = {
  answer: Section.Answer,
  authority: Section.Authority,
  additional: Section.Additional,
}
const PROPERTIES = ['match', ...Object.keys(SECTIONS), 'rcode', 'ederror', 'fallthrough']
const MAX_INFO_CODE = 65_535

export const template: Plugin = {
  name: 'template',
  repeatable: true,
  setup(cursor, block) {
    const options = readOptions(cursor, block.zones)
    const author = joinChain(block, 'template')
    const metrics = templateMetrics(block)
    return { handler: next => new TemplateHandler(next, author, options, metrics, block) }
  },
}

function readOptions(cursor: Cursor, blockZones: readonly string[]): TemplateOptions {
  const qclass = readNumber(cursor, parseClass, 'a class such as IN, or ANY')
  const qtype = readNumber(cursor, parseType, 'a record type such as A, or ANY')
  const zones = cursor.zones()
  const patterns: Pattern[] = []
  const records: RecordTemplate[] = []
  let rcode: Rcode = Rcode.NOERROR
  let extendedError: TemplateOptions['extendedError']
  let fallthrough: string[] = []
  for (const line of cursor.block()) {
    const { text } = line.name
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
    } else if (text === 'var' || text === 'expr') {
      throw line.error('unknown_property', `'${text}' is not supported`, 'match, or a template', line.name)
    } else throw line.unknown(PROPERTIES)
    line.noBlock()
  }
  return {
    qclass,
    qtype,
    zones: new Scope(zones.length > 0 ? zones : blockZones),
    patterns: patterns.length > 0 ? patterns : [{ source: '.*', regexp: /.*/ }],
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

/** Where in the file the character at `offset` of the token is. */
function locate(token: Token, offset: number): { file: string; line: number; column: number } {
  const lines = token.text.slice(0, offset).split('\n')
  const last = lines[lines.length - 1].length
  const isFirst = lines.length === 1
  const column = isFirst ? token.column + (token.quoted ? 1 : 0) + last : last + 1
  return { file: token.file, line: token.line + lines.length - 1, column }
}
