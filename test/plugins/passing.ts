// Sends questions that they are not for through plugins, and prints what that did to the heap. Needs --expose-gc.

import { PerformanceObserver } from 'node:perf_hooks'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { chain, makeQuery, makeReply, setUp } from './harness.ts'

const WARM_UP = 200_000
const RUNS = 500_000
const DIRECTIVES: Readonly<Record<string, string>> = {
  bufsize: 'bufsize 1232',
  any: 'any',
  chaos: 'chaos',
  header: 'header {\nresponse set ra\n}',
  minimal: 'minimal',
  acl: 'acl {\nblock type MX net 10.0.0.0/8 192.168.0.0/16\nallow net 192.0.2.0/24 fd00::/8\ndrop\n}',
  hosts: 'hosts /dev/null example.net {\n10.0.0.1 a.example.net *.b.example.net\nfallthrough\n}',
  'hosts, a miss': 'hosts /dev/null {\n10.0.0.1 a.example.net *.b.example.net\nfallthrough\n}',
  template: 'template IN AAAA {\nrcode NOERROR\n}\ntemplate IN A example.net {\nrcode NOERROR\n}',
}

const query = makeQuery({ name: 'www.example.org.', type: Type.A, udpSize: 1232 })
const reply = makeReply(query)
let collections = 0
const observer = new PerformanceObserver(list => (collections += list.getEntries().length))
observer.observe({ entryTypes: ['gc'] })

const results: Record<string, { growth: number; collections: number; nanoseconds: number }> = {}
for (const [name, directive] of Object.entries(DIRECTIVES)) {
  const [block] = setUp(`. {\n${directive}\n}`)
  const handler = chain(block, { serve: () => Rcode.NOERROR })
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      reply.begin(query, 7)
      void handler.serve(query, reply)
    }
  }
  run(WARM_UP)
  globalThis.gc?.()
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  collections = 0
  const before = process.memoryUsage().heapUsed
  const startedMs = performance.now()
  run(RUNS)
  const nanoseconds = Math.round(((performance.now() - startedMs) * 1e6) / RUNS)
  const growth = process.memoryUsage().heapUsed - before
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
  results[name] = { growth, collections, nanoseconds }
}
observer.disconnect()
process.stdout.write(JSON.stringify(results))
