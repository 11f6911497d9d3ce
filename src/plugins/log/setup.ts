import type { Cursor } from '../../corefile/directive.ts'
import type { Token } from '../../corefile/token.ts'
import { readMetadata } from '../../server/metadata.ts'
import type { Block, Plugin } from '../../server/plugin.ts'
import { type WireName, lowerName, parseName } from '../../wire/name.ts'
import { ALL_CLASSES, Class } from './classify.ts'
import { COMMON_FORMAT, compileFormat } from './format.ts'
import { Log, type Rule } from './log.ts'

const CLASSES: Readonly<Record<string, number>> = {
  all: ALL_CLASSES,
  success: Class.Success,
  denial: Class.Denial,
  error: Class.Error,
}

/** All `log` lines of a block are one list of rules, and so one handler: no query is logged twice. */
const rulesOf = new WeakMap<Block, Rule[]>()

export const log: Plugin = {
  name: 'log',
  repeatable: true,
  setup(cursor, block) {
    const known = rulesOf.get(block)
    const rules = known ?? []
    rulesOf.set(block, rules)
    rules.push(...readRules(cursor, block))
    return known ? {} : { handler: next => new Log(next, rules, block.process.log) }
  },
}

function readRules(cursor: Cursor, block: Block): Rule[] {
  const names = cursor.remainingArgs()
  const last = names.at(-1)
  const written = last?.text.includes('{') ? last.text : undefined
  if (written !== undefined) names.pop()
  const format = compileFormat(written ?? COMMON_FORMAT, label => readMetadata(block, label))
  const classes = readClasses(cursor)
  const scopes: WireName[] = names.map(name => readScope(cursor, name))
  if (scopes.length === 0) scopes.push(Uint8Array.of(0))
  return scopes.map(scope => ({ scope, classes, format }))
}

function readScope(cursor: Cursor, token: Token): WireName {
  const name = parseName(token.text)
  if (!name) throw cursor.error('bad_argument', `bad name '${token.text}'`, 'a domain name', token)
  return lowerName(name)
}

function readClasses(cursor: Cursor): number {
  let classes = 0
  for (const property of cursor.block()) {
    if (property.name.text !== 'class') throw property.unknown(['class'])
    const names = Object.keys(CLASSES).join(', ')
    property.requireArg(`one or more of ${names}`)
    for (const token of property.args) {
      if (!Object.hasOwn(CLASSES, token.text)) {
        throw property.error('bad_argument', `unknown class '${token.text}'`, `one of ${names}`, token)
      }
      classes |= CLASSES[token.text]
    }
    property.noBlock()
  }
  return classes || ALL_CLASSES
}
