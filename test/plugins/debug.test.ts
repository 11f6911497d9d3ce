import t from 'tap'
import { makeProcess, setUpBlock, start, stop } from './harness.ts'

void t.test('debug makes the process log debug lines', async t => {
  const block = setUpBlock('debug')
  await start(block)
  block.process.log.debug('seen')
  t.same(block.process.lines, ['debug seen'])
  await stop(block)
})

void t.test('without debug, debug lines are not logged', async t => {
  const block = setUpBlock('whoami')
  block.process.log.debug('not seen')
  t.same(block.process.lines, [])
})

void t.test('they are logged as long as a block that runs has it', async t => {
  const context = makeProcess()
  const [one, two] = [setUpBlock('debug', context), setUpBlock('debug', context)]
  context.log.debug('set up alone')
  await start(one)
  await start(two)
  await stop(one)
  context.log.debug('two')
  await stop(two)
  context.log.debug('none')
  t.same(context.lines, ['debug two'])
})

void t.test('arguments are refused', async t => {
  t.throws(() => setUpBlock('debug x'), /^Corefile:2:7: 'x' is one argument too many/)
})
