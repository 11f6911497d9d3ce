import { mock } from 'node:test'
import t from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { ask, askLater, chain, setUpBlock, stop } from './harness.ts'

function throwing(message: string): Handler {
  return {
    serve() {
      throw new Error(message)
    },
  }
}

const QUESTION = { name: 'Example.org.', type: Type.AAAA }

void t.test('what a handler throws is printed and passes on', async t => {
  const block = setUpBlock('errors')
  const error = new Error('upstream is gone')
  const handler = chain(block, {
    serve() {
      throw error
    },
  })
  t.throws(() => ask(handler, QUESTION), error)
  t.same(block.process.lines, ['error plugin/errors: 2 example.org. AAAA: upstream is gone'])
})

void t.test('what a promise rejects with is printed and passes on', async t => {
  const block = setUpBlock('errors stdout')
  const handler = chain(block, { serve: () => Promise.reject(new Error('too late')) })
  await t.rejects(askLater(handler, QUESTION), { message: 'too late' })
  t.same(block.process.lines, ['error plugin/errors: 2 example.org. AAAA: too late'])
})

void t.test('answers pass as they are, whatever their rcode', async t => {
  const block = setUpBlock('errors')
  t.equal(ask(chain(block, { serve: () => Rcode.SERVFAIL })).rcode, Rcode.SERVFAIL)
  t.equal((await askLater(chain(block, { serve: async () => Rcode.NXDOMAIN }))).rcode, Rcode.NXDOMAIN)
  t.same(block.process.lines, [])
})

void t.test('what a reply says of its failure is printed with its rcode', async t => {
  const block = setUpBlock('errors')
  const refusing: Handler = {
    serve(_query, reply) {
      reply.failure = new Error('too many at once')
      return Rcode.REFUSED
    },
  }
  ask(chain(block, refusing), QUESTION)
  await askLater(chain(block, { serve: async (query, reply) => refusing.serve(query, reply) }), QUESTION)
  const line = 'error plugin/errors: 5 example.org. AAAA: too many at once'
  t.same(block.process.lines, [line, line])
})

void t.test('stacktrace adds where the error comes from', async t => {
  const block = setUpBlock('errors {\n stacktrace\n}')
  t.throws(() => ask(chain(block, throwing('boom')), QUESTION))
  const lines = block.process.lines[0].split('\n')
  t.equal(lines[0], 'error plugin/errors: 2 example.org. AAAA: boom')
  t.match(lines[2], /^ +at .*errors\.test\.ts/)
})

void t.test('errors that match are counted and told once in a period', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const block = setUpBlock('errors {\n consolidate 5m "^read .* timeout$" warning\n consolidate 1s ".*"\n}')
  const fail = (message: string): unknown => t.throws(() => ask(chain(block, throwing(message)), QUESTION))
  fail('read a timeout')
  fail('read b timeout')
  fail('other')
  t.same(block.process.lines, [])
  mock.timers.tick(1_000)
  t.same(block.process.lines, ["error plugin/errors: 1 errors like '.*' occurred in last 1s"])
  mock.timers.tick(299_000)
  t.equal(block.process.lines[1], "warn plugin/errors: 2 errors like '^read .* timeout$' occurred in last 5m0s")
  mock.timers.tick(300_000)
  t.equal(block.process.lines.length, 2, 'a period without errors is not told')
  fail('read a timeout')
  mock.timers.tick(300_000)
  t.equal(block.process.lines[2], "warn plugin/errors: 1 errors like '^read .* timeout$' occurred in last 5m0s")
})

void t.test('show_first prints the first at once, and a summary only when more came', async t => {
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  const block = setUpBlock('errors {\n consolidate 30s timeout info show_first\n}')
  const fail = (): unknown => t.throws(() => ask(chain(block, throwing('timeout')), QUESTION))
  fail()
  t.same(block.process.lines, ['info plugin/errors: 2 example.org. AAAA: timeout'])
  mock.timers.tick(30_000)
  t.equal(block.process.lines.length, 1)
  fail()
  fail()
  fail()
  mock.timers.tick(30_000)
  t.same(block.process.lines.slice(1), [
    'info plugin/errors: 2 example.org. AAAA: timeout',
    "info plugin/errors: 3 errors like 'timeout' occurred in last 30s",
  ])
})

void t.test('the regular expression has the syntax of RE2', async t => {
  const block = setUpBlock('errors {\n consolidate 1h (?P<what>(?i:READ))[[:space:]]\\Qi/o.\\E info\n}')
  t.throws(() => ask(chain(block, throwing('read i/o.')), QUESTION))
  t.same(block.process.lines, [])
  await stop(block)
  t.equal(block.process.lines.length, 1)
})

void t.test('stop tells what was counted; from then on each error is printed', async t => {
  const block = setUpBlock('errors {\n consolidate 1h (?i)TIMEOUT\n}')
  const fail = (): unknown => t.throws(() => ask(chain(block, throwing('timeout')), QUESTION))
  fail()
  await stop(block)
  t.same(block.process.lines, ["error plugin/errors: 1 errors like '(?i)TIMEOUT' occurred in last 1h0m0s"])
  fail()
  t.equal(block.process.lines[1], 'error plugin/errors: 2 example.org. AAAA: timeout')
})

const mistakes: [directives: string, message: RegExp][] = [
  ['errors file', /^Corefile:2:8: errors cannot be logged to 'file'; expected stdout/],
  ['errors stdout x', /^Corefile:2:15: /],
  ['errors {\n stacktraces\n}', /^Corefile:3:2: unknown property 'stacktraces' \(did you mean 'stacktrace'\?\)/],
  ['errors {\n stacktrace x\n}', /^Corefile:3:13: /],
  ['errors {\n consolidate 5m\n}', /^Corefile:3:14: nothing after '5m'; expected consolidate DURATION REGEXP/],
  ['errors {\n consolidate 5x .*\n}', /^Corefile:3:14: bad value '5x'; expected a duration/],
  ['errors {\n consolidate 0 .*\n}', /^Corefile:3:14: /],
  ['errors {\n consolidate 5m (\n}', /^Corefile:3:17: .*expected a regular expression/],
  [`errors {\n consolidate 5m ${'a'.repeat(10_001)}\n}`, /^Corefile:3:17: the pattern has 10001 characters/],
  ['errors {\n consolidate 5m a(?=b)\n}', /^Corefile:3:17: '\(\?=' is not in the syntax of RE2/],
  ['errors {\n consolidate 5m .* fatal\n}', /^Corefile:3:20: unknown option 'fatal'/],
  ['errors {\n consolidate 5m .* info error\n}', /^Corefile:3:25: consolidate has two levels/],
  ['errors {\n consolidate 5m .* show_first info\n}', /^Corefile:3:31: level after show_first/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ').slice(0, 60)}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
