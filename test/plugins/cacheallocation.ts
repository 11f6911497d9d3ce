// Answers names from the cache a million times and prints what that did to the heap. Needs --expose-gc.

import type { Handler } from '../../src/server/handler.ts'
import { Query } from '../../src/wire/query.ts'
import { Reply, Section } from '../../src/wire/reply.ts'
import { measureGrowth } from '../server/growth.ts'
import { buildQuery } from '../server/message.ts'
import { chain, setUpBlock } from './harness.ts'

const WARM_UP = 400_000
const RUNS = 1_000_000
const NAMES = 1_000

let asked = 0
const source: Handler = {
  serve(query, reply) {
    asked++
    for (let i = 0; i < 1 + (query.nameHash & 3); i++) {
      reply.addRecord(Section.Answer, 1, 3_600, Uint8Array.of(192, 0, 2, i))
    }
    return 0
  },
}
const handler = chain(setUpBlock('cache {\n prefetch 10\n}'), source)
const messages = Array.from({ length: NAMES }, (_, i) => buildQuery({ name: `Host${i}.example.org.`, edns: {} }))
const query = new Query()
const reply = new Reply(Buffer.alloc(65_535))

function ask(count: number): number {
  let octets = 0
  for (let i = 0; i < count; i++) {
    const message = messages[i % NAMES]
    query.parse(message, 0, message.length)
    reply.begin(query)
    const rcode = handler.serve(query, reply)
    if (typeof rcode === 'number') octets += reply.finish(query, rcode)
  }
  return octets
}

let octets = 0
const measured = await measureGrowth(count => (octets = ask(count)), WARM_UP, RUNS)
process.stdout.write(JSON.stringify({ asked, octets, ...measured }))
