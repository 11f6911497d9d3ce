import type { Block, Plugin } from '../../server/plugin.ts'
import { Rewrite } from './rewrite.ts'
import type { Rule } from './rule.ts'
import { readRule } from './syntax.ts'

/** All directives of a server block are one list: the first rule that fits ends it for the others too. */
const lists = new WeakMap<Block, Rule[]>()

export const rewrite: Plugin = {
  name: 'rewrite',
  repeatable: true,
  setup(cursor, block) {
    const rule = readRule(cursor, block)
    const list = lists.get(block)
    if (list) {
      list.push(rule)
      return {}
    }
    const rules = [rule]
    lists.set(block, rules)
    return { handler: next => new Rewrite(next, rules, block) }
  },
}
