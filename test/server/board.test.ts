import t from 'tap'
import { Board } from '../../src/server/board.ts'

void t.test('who follows hears what is there, and what is posted later', async t => {
  const board = new Board(new Map([['a', 1]]))
  const heard: unknown[] = []
  board.follow('a', value => heard.push(value))
  board.follow('b', value => heard.push(value))
  await board.post('b', 2)
  await board.post('a', 3)
  t.same(heard, [1, 2, 3])
  t.same(
    [...board.values],
    [
      ['a', 3],
      ['b', 2],
    ],
  )
})

void t.test('a post is over when all that carry it have it', async t => {
  const board = new Board()
  const gate = Promise.withResolvers<void>()
  const carried: unknown[] = []
  const end = board.carry((name, value) => {
    carried.push([name, value])
    return gate.promise
  })
  let isOver = false
  const posted = board.post('a', 1).then(() => (isOver = true))
  await new Promise(setImmediate)
  t.equal(isOver, false)
  gate.resolve()
  await posted
  end()
  await board.post('a', 2)
  t.same(carried, [['a', 1]])
})
