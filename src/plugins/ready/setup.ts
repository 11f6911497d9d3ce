import type { Cursor } from '../../corefile/directive.ts'
import { parseAddress } from '../../corefile/value.ts'
import type { HttpEndpoint } from '../../server/http.ts'
import type { Plugin } from '../../server/plugin.ts'
import { findReadiness } from './ready.ts'

const DEFAULT_ADDRESS = ':8181'

export const ready: Plugin = {
  name: 'ready',
  repeatable: false,
  setup(cursor, block) {
    const token = cursor.nextArg()
    if (token) parseAddress(token)
    cursor.end()
    const address = token?.text ?? DEFAULT_ADDRESS
    let isContinuous = false
    for (const property of cursor.block()) {
      if (property.name.text !== 'monitor') throw property.unknown(['monitor'])
      isContinuous = readMonitor(property)
    }
    return {
      control(process) {
        const readiness = findReadiness(process, address)
        let endpoint: HttpEndpoint | undefined
        return {
          async start() {
            readiness.expect(block, isContinuous)
            endpoint = await process.http.open(address, '/ready', (_, response) => readiness.answer(response))
          },
          activate: () => readiness.activate(block),
          lameduck() {
            readiness.stop()
            return Promise.resolve()
          },
          isEndKnown: () => readiness.isEndKnown,
          async stop() {
            readiness.leave(block)
            await endpoint?.close()
          },
        }
      },
    }
  },
}

function readMonitor(property: Cursor): boolean {
  const expected = 'until-ready or continuously'
  const token = property.requireArg(expected)
  if (token.text !== 'until-ready' && token.text !== 'continuously') {
    throw property.error('bad_argument', `unknown monitor type '${token.text}'`, expected, token)
  }
  property.end()
  property.noBlock()
  return token.text === 'continuously'
}
