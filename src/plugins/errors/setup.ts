import { parseDurationMs } from '../../corefile/value.ts'
import type { Cursor } from '../../corefile/directive.ts'
import type { Plugin } from '../../server/plugin.ts'
import { MAX_TIMER_MS } from '../duration.ts'
import { compilePattern } from '../pattern.ts'
import { type Consolidation, ErrorReporter, Errors, type Level } from './errors.ts'

const SYNTAX = 'consolidate DURATION REGEXP [warning|error|info|debug] [show_first]'
const LEVELS: Readonly<Record<string, Level>> = { warning: 'warn', error: 'error', info: 'info', debug: 'debug' }

export const errors: Plugin = {
  name: 'errors',
  repeatable: false,
  setup(cursor, block) {
    const target = cursor.nextArg()
    if (target && target.text !== 'stdout') {
      throw cursor.error('bad_argument', `errors cannot be logged to '${target.text}'`, 'stdout, or nothing', target)
    }
    cursor.end()
    const consolidations: Consolidation[] = []
    let hasStacktrace = false
    for (const property of cursor.block()) {
      switch (property.name.text) {
        case 'stacktrace':
          hasStacktrace = true
          break
        case 'consolidate':
          consolidations.push(readConsolidation(property))
          break
        default:
          throw property.unknown(['stacktrace', 'consolidate'])
      }
      property.end()
      property.noBlock()
    }
    const reporter = new ErrorReporter(block.process.log, consolidations, hasStacktrace)
    return {
      handler: next => new Errors(next, reporter),
      stop() {
        reporter.stop()
        return Promise.resolve()
      },
    }
  },
}

function readConsolidation(property: Cursor): Consolidation {
  const periodMs = parseDurationMs(property.requireArg(SYNTAX), { min: 1, max: MAX_TIMER_MS })
  const source = property.requireArg(SYNTAX)
  const pattern = compilePattern(source)
  let level: Level | undefined
  let showFirst = false
  for (const option of property.remainingArgs()) {
    if (Object.hasOwn(LEVELS, option.text)) {
      if (level) throw property.error('bad_argument', 'consolidate has two levels', 'one', option)
      if (showFirst) throw property.error('bad_argument', 'level after show_first', 'the level before it', option)
      level = LEVELS[option.text]
    } else if (option.text === 'show_first') {
      showFirst = true
    } else {
      throw property.error('bad_argument', `unknown option '${option.text}'`, SYNTAX, option)
    }
  }
  return { periodMs, pattern, source: source.text, level: level ?? 'error', showFirst }
}
