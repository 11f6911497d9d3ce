// What CoreDNS's own tests expect of its `kubernetes` plugin, asked of the running server over UDP and TCP.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import type { ApiObject } from '../../src/fakeapi/object.ts'
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
  /** What an upstream server would add to a CNAME that leaves the zone. */
  upstream?: { answer: string[] }
}

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8')
const suites = JSON.parse(read('suites.json')) as Suite[]

for (const suite of suites) {
  void t.test(suite.suite, async t => {
    const api = openApi()
    t.teardown(() => api.close())
    const objects = parseAllDocuments(read(suite.fixture)).map(document => document.toJS() as ApiObject | null)
    for (const object of objects) if (object?.kind) api.apply(object)
    const site = await RunningSite.start({
      corefile: suite.corefile.replace('.:53 {', '.:0 {\n    bind 127.0.0.1'),
      api: { endpoint: await api.listen() },
    })
    t.teardown(() => site.stop())
    const cases = read(suite.cases).trim().split('\n')
    t.equal(cases.length, suite.count)
    for (const line of cases) {
      const { name, qname, qtype, ...rest } = JSON.parse(line) as Case
      const expected = expect(rest)
      t.same(await site.ask(qname, qtype), expected, `${name} ${qname} ${qtype}`)
      t.same(await site.askTcp(qname, qtype), expected, `${name} over TCP`)
    }
  })
}

/** Without a plugin that forwards, a CNAME that leaves the zone is the whole answer. */
function expect({ rcode, aa, tc, answer, ns, extra, upstream }: Omit<Case, 'name' | 'qname' | 'qtype'>): Answer {
  return {
    rcode,
    aa,
    tc: upstream ? false : tc,
    answer: answer.filter(record => !upstream?.answer.includes(record)).sort(),
    ns: [...ns].sort(),
    extra: [...extra].sort(),
  }
}
