// Sends questions that they are not for through plugins, and prints what that did to the heap. Needs --expose-gc.

import { Rcode, Type } from '../../src/wire/constants.ts'
import { type Growth, measureGrowth } from '../server/growth.ts'
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

const results: Record<string, Growth> = {}
for (const [name, directive] of Object.entries(DIRECTIVES)) {
  const [block] = setUp(`. {\n${directive}\n}`)
  const handler = chain(block, { serve: () => Rcode.NOERROR })
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      reply.begin(query, 7)
      void handler.serve(query, reply)
    }
  }
  results[name] = await measureGrowth(run, WARM_UP, RUNS)
}
process.stdout.write(JSON.stringify(results))
