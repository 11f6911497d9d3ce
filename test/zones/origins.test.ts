import fc from 'fast-check'
import t from 'tap'
import { Query, Verdict } from '../../src/wire/query.ts'
import { NO_ZONE, Origins } from '../../src/zones/origins.ts'
import { buildQuery, wire } from '../server/message.ts'
import { wireName } from './reference.ts'

function parse(name: string): Query {
  const query = new Query()
  const bytes = buildQuery({ name })
  if (query.parse(bytes, 0, bytes.length) !== Verdict.Answer) throw new Error(name)
  return query
}

/** The zone that a name is in, as text; undefined for none. */
function match(origins: Origins, name: string): string | undefined {
  const query = parse(name)
  const at = origins.match(query)
  if (at === NO_ZONE) return undefined
  return origins.names.map(String).find(origin => origin === String(query.name.subarray(at, query.nameLength)))
}

void t.test('a question belongs to the longest zone that it is in, in any spelling', async t => {
  const origins = new Origins(['local.', 'cluster.local.', '10.in-addr.arpa.', '0.10.in-addr.arpa.'].map(wireName))
  const rows: [name: string, zone: string | undefined][] = [
    ['a.svc.cluster.local.', 'cluster.local.'],
    ['A.SVC.Cluster.LOCAL.', 'cluster.local.'],
    ['cluster.local.', 'cluster.local.'],
    ['xcluster.local.', 'local.'],
    ['local.', 'local.'],
    ['1.0.10.in-addr.arpa.', '0.10.in-addr.arpa.'],
    ['1.1.10.in-addr.arpa.', '10.in-addr.arpa.'],
    ['in-addr.arpa.', undefined],
    ['.', undefined],
    ['cluster.local.org.', undefined],
  ]
  for (const [name, zone] of rows) t.equal(match(origins, name), zone && String(wireName(zone)), name)
})

void t.test('the zone of the root holds every name', async t => {
  const root = new Origins([wireName('.')])
  for (const name of ['.', 'a.', 'a.b.c.']) t.equal(root.match(parse(name)), wire(name).length - 1, name)
})

void t.test('no zone holds nothing', async t => {
  t.equal(new Origins([]).match(parse('a.')), NO_ZONE)
})

void t.test('matching agrees with comparing text', async t => {
  const name = fc
    .array(fc.constantFrom('a', 'b', 'aa', 'ab'), { maxLength: 5 })
    .map(labels => `${labels.join('.')}.`)
    .map(text => (text === '.' ? '.' : text))
  t.doesNotThrow(() => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 4 }), name, (zones, name) => {
        const within = zones.filter(zone => zone === '.' || name === zone || name.endsWith(`.${zone}`))
        const longest = within.sort((a, b) => b.length - a.length).at(0)
        return match(new Origins(zones.map(wireName)), name) === (longest && String(wireName(longest)))
      }),
    )
  })
})
