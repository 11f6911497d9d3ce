import { hostname } from 'node:os'
import { type Plugin, joinChain } from '../../server/plugin.ts'
import { Chaos } from './chaos.ts'

const AUTHORS = ['The authors of kubezone']

export const chaos: Plugin = {
  name: 'chaos',
  repeatable: true,
  setup(cursor, block) {
    const version = cursor.nextArg()?.text ?? `kubezone-${block.process.version}`
    const written = cursor.remainingArgs().map(({ text }) => text)
    cursor.noBlock()
    const authors = written.length > 0 ? [...new Set(written)].sort() : AUTHORS
    const author = joinChain(block, 'chaos')
    return { otherClasses: true, handler: next => new Chaos(next, author, { version, authors, hostname: hostname() }) }
  },
}
