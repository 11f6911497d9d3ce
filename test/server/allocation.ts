// Answers one query a million times by the synchronous path and prints what that did to the heap. Needs --expose-gc.

import { Dispatcher } from '../../src/server/dispatcher.ts'
import { ExchangePool } from '../../src/server/exchange.ts'
import { measureGrowth } from './growth.ts'
import { answerWith, silent } from './handlers.ts'
import { buildQuery } from './message.ts'

const WARM_UP = 50_000
const RUNS = 1_000_000

const pool = new ExchangePool()
const blocks = [
  { zones: ['.'], handler: answerWith(1) },
  { zones: ['cluster.local.', '10.in-addr.arpa.'], handler: answerWith(2) },
]
const dispatcher = new Dispatcher(blocks, pool, silent, {})
const message = buildQuery({ name: 'Web.Default.svc.cluster.local.', edns: {} })

function answer(count: number): number {
  let answered = 0
  for (let i = 0; i < count; i++) {
    const exchange = pool.take()
    const length = dispatcher.answer(exchange, message, 0, message.length, 0)
    if (typeof length === 'number' && length > message.length) answered++
    pool.giveBack(exchange)
  }
  return answered
}

let answered = 0
const measured = await measureGrowth(count => (answered = answer(count)), WARM_UP, RUNS)
process.stdout.write(JSON.stringify({ answered, ...measured }))
