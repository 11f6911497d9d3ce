import t from 'tap'
import { setUpBlock } from './harness.ts'

void t.test('debug makes the process log debug lines', async t => {
  const block = setUpBlock('debug')
  block.process.log.debug('seen')
  t.same(block.process.lines, ['debug seen'])
})

void t.test('without debug, debug lines are not logged', async t => {
  const block = setUpBlock('whoami')
  block.process.log.debug('not seen')
  t.same(block.process.lines, [])
})

void t.test('arguments are refused', async t => {
  t.throws(() => setUpBlock('debug x'), /^Corefile:2:7: 'x' is one argument too many/)
})
