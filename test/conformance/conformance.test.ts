// What CoreDNS's own tests expect of its `kubernetes` plugin, asked of the running server over UDP and TCP.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import type { Handler } from '../../src/server/handler.ts'
import type { Plugin } from '../../src/server/plugin.ts'
import { parseAddress } from '../../src/wire/address.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { formatName } from '../../src/wire/name.ts'
import { Section } from '../../src/wire/reply.ts'
import { RunningSite, openApi } from '../site/running.ts'
import type { Answer } from '../site/zonefile.ts'

interface Suite {
  suite: string
  fixture: string
  corefile: string
  cases: string
  count: number
}

interface Case extends Answer {
  name: string
  qname: string
  qtype: string
  /** What an upstream server says to a CNAME's target outside of the zone. */
  upstream?: { qname: string; tc: boolean; answer: string[] }
}

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8')
/** The upstream servers of all cases: A records, `owner TTL IN A address`. */
const upstream = (cases: readonly Case[]): Plugin => ({
  name: 'upstream',
  repeatable: false,
  setup: () => {
    const handler: Handler = {
      serve(query, reply) {
        const qname = formatName(query.name)
        const found = cases.find(known => known.upstream?.qname === qname)?.upstream
        if (!found) return Rcode.SERVFAIL
        for (const line of found.answer) {
          const [, ttl, , , address] = line.split(' ')
          reply.addRecord(Section.Answer, Type.A, Number(ttl), parseAddress(address) ?? new Uint8Array(4))
        }
        reply.truncated = found.tc
        return Rcode.NOERROR
      },
    }
    return { handler: () => handler }
  },
})

const suites = JSON.parse(read('suites.json')) as Suite[]

for (const suite of suites) {
  void t.test(suite.suite, async t => {
    const api = openApi()
    t.teardown(() => api.close())
    const objects = parseAllDocuments(read(suite.fixture)).map(document => document.toJS() as ApiObject | null)
    for (const object of objects) if (object?.kind) api.apply(object)
    const cases = read(suite.cases)
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Case)
    const site = await RunningSite.start({
      corefile: `${suite.corefile.replace('.:53 {', '.:0 {\n    bind 127.0.0.1')}
ext.interwebs.test:0 {
    bind 127.0.0.1
    upstream
}`,
      plugins: [...PLUGINS, upstream(cases)],
      api: { endpoint: await api.listen() },
    })
    t.teardown(() => site.stop())
    t.equal(cases.length, suite.count)
    for (const { name, qname, qtype, rcode, aa, tc, answer, ns, extra } of cases) {
      const expected = { rcode, aa, tc, answer: answer.toSorted(), ns: ns.toSorted(), extra: extra.toSorted() }
      t.same(await site.ask(qname, qtype), expected, `${name} ${qname} ${qtype}`)
      t.same(await site.askTcp(qname, qtype), expected, `${name} over TCP`)
    }
  })
}
