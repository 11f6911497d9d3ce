import { chmodSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { HostsFile } from '../../src/plugins/hosts/file.ts'
import { addLine } from '../../src/plugins/hosts/line.ts'
import { HostTable, Kind, NO_ENTRY } from '../../src/plugins/hosts/table.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { formatName } from '../../src/wire/name.ts'
import { type TestBlock, ask, chain, makeQuery, makeReply, setUp, setUpBlock, start, stop } from './harness.ts'

const NEXT = 99
const directory = mkdtempSync(join(tmpdir(), 'hosts-'))
t.teardown(() => rmSync(directory, { recursive: true }))

let files = 0
function writeHosts(text: string): string {
  const path = join(directory, `hosts${files++}`)
  writeFileSync(path, text)
  return path
}

/** The outcome as a line: the answer's records, `NODATA`, `SERVFAIL` or `next`. */
function outcome(block: TestBlock, name: string, type: string): string {
  const { rcode, sections, reply } = ask(chain(block, { serve: () => NEXT }), {
    name,
    type: (Type as Readonly<Record<string, number>>)[type],
  })
  if (rcode === NEXT) return 'next'
  t.equal(block.chain[reply.author], 'hosts')
  if (rcode === Rcode.SERVFAIL) return 'SERVFAIL'
  t.equal(reply.authoritative, true)
  return sections[0].map(readRecord).join(', ') || 'NODATA'
}

/** The harness shows the names of PTR records as octets. */
const readRecord = (line: string): string => {
  const [, ttl, type, rdata] = line.split(' ')
  return `${ttl} ${type} ${type === 'PTR' ? formatName(Buffer.from(rdata, 'hex')) : rdata}`
}

async function started(corefile: string): Promise<TestBlock> {
  const [block] = setUp(corefile)
  await start(block)
  return block
}

const EXAMPLE = `
127.0.0.1 localhost localhost.domain
::1 localhost localhost.domain
10.0.0.1 example.org
::FFFF:10.0.0.2 example.com
10.0.0.3 fallthrough-example.org
1.2.3.4 aa.example.com # bb.example.com
5.6.7.8 *.apps.example.com\t*.example.com
fe80::1%eth0 scoped.example.org
10.0.0.01 octal.example.org
10.0.0.11 *
10.0.0.9 MiXed.Example.org. bad..name ${'x'.repeat(64)}.example.org
10.0.0.1 example.org
# 10.0.0.10 comment.example.org
reload 5s
timeout 3600`

const cases: [question: string, expected: string][] = [
  ['example.org. A', '3600 A 10.0.0.1, 3600 A 10.0.0.1'],
  ['EXAMPLE.org. A', '3600 A 10.0.0.1, 3600 A 10.0.0.1'],
  ['example.com. A', '3600 A 10.0.0.2'],
  ['localhost. A', '3600 A 127.0.0.1'],
  ['localhost. AAAA', '3600 AAAA ::1'],
  ['scoped.example.org. AAAA', '3600 AAAA fe80::1'],
  ['mixed.example.org. A', '3600 A 10.0.0.9'],
  ['1.0.0.10.in-addr.arpa. PTR', '3600 PTR example.org., 3600 PTR example.org.'],
  ['2.0.0.10.in-addr.arpa. PTR', '3600 PTR example.com.'],
  ['9.0.0.10.in-addr.arpa. PTR', '3600 PTR mixed.example.org.'],
  ['1.0.0.127.in-addr.arpa. PTR', '3600 PTR localhost., 3600 PTR localhost.domain.'],
  [`1.${'0.'.repeat(31)}ip6.arpa. PTR`, '3600 PTR localhost., 3600 PTR localhost.domain.'],
  ['8.7.6.5.in-addr.arpa. PTR', 'next'],
  ['7.0.0.10.in-addr.arpa. PTR', 'next'],
  ['1.0.0.10.in-addr.arpa. A', 'SERVFAIL'],
  ['example.org. PTR', 'next'],
  ['example.org. AAAA', 'NODATA'],
  ['example.org. MX', 'NODATA'],
  ['example.org. SOA', 'NODATA'],
  ['missing.example.org. A', 'SERVFAIL'],
  ['missing.example.org. TXT', 'SERVFAIL'],
  ['octal.example.org. A', 'SERVFAIL'],
  ['comment.example.org. A', 'SERVFAIL'],
  ['x.apps.example.com. A', '3600 A 5.6.7.8'],
  ['x.apps.example.com. AAAA', 'NODATA'],
  ['x.apps.example.com. TXT', 'NODATA'],
  ['*.apps.example.com. A', '3600 A 5.6.7.8'],
  ['x.y.apps.example.com. A', 'SERVFAIL'],
  ['apps.example.com. A', '3600 A 5.6.7.8'],
  ['aa.example.com. A', '3600 A 1.2.3.4'],
  ['bb.example.com. A', '3600 A 5.6.7.8'],
  ['com. A', 'SERVFAIL'],
  ['11.0.0.10.in-addr.arpa. PTR', 'next'],
  ['. A', 'SERVFAIL'],
]
void t.test('a file is answered from', async t => {
  const block = await started(`. {\n hosts ${writeHosts(EXAMPLE)}\n}`)
  for (const [question, expected] of cases) {
    const [name, type] = question.split(' ')
    t.equal(outcome(block, name, type), expected, question)
  }
  await stop(block)
})

void t.test('the lines of the Corefile come behind those of the file, each with its own wildcards', async t => {
  const path = writeHosts('10.0.0.1 a.example.org b.example.org\nfd00::1 b.example.org')
  const block = await started(`. {
    hosts ${path} {
        10.1.0.1 a.example.org
        10.1.0.2 *.example.org
        fd00::2 *.example.org
        ttl 60
        reload 0s
    }
}`)
  t.equal(outcome(block, 'a.example.org.', 'A'), '60 A 10.0.0.1, 60 A 10.1.0.1')
  t.equal(outcome(block, 'b.example.org.', 'A'), '60 A 10.0.0.1, 60 A 10.1.0.2')
  t.equal(outcome(block, 'a.example.org.', 'AAAA'), '60 AAAA fd00::2')
  t.equal(outcome(block, 'c.example.org.', 'A'), '60 A 10.1.0.2')
  t.equal(outcome(block, '1.0.1.10.in-addr.arpa.', 'PTR'), '60 PTR a.example.org.')
  const page = block.process.metrics.render()
  t.match(page, `coredns_hosts_entries{hostsfile="${path}"} 10\n`)
  t.match(page, /^coredns_hosts_reload_timestamp_seconds 1\.\d+e\+09$/m)
  await stop(block)
})

void t.test('only the names of the zones are taken; reverse names need not be in them', async t => {
  const path = writeHosts('10.0.0.1 a.example.org a.example.net\n10.0.0.2 a.example.com')
  const block = await started(`example.org example.net . {\n hosts ${path} example.org EXAMPLE.net\n}`)
  t.equal(outcome(block, 'a.example.org.', 'A'), '3600 A 10.0.0.1')
  t.equal(outcome(block, 'a.example.com.', 'A'), 'next')
  t.equal(outcome(block, 'b.example.com.', 'TXT'), 'next')
  t.equal(outcome(block, '1.0.0.10.in-addr.arpa.', 'PTR'), '3600 PTR a.example.org., 3600 PTR a.example.net.')
  t.equal(outcome(block, '2.0.0.10.in-addr.arpa.', 'PTR'), 'next')
  await stop(block)
})

void t.test('the zones of the server block are the default', async t => {
  const block = await started(
    `example.org {\n hosts ${writeHosts('10.0.0.1 a.example.org a.example.net')} {\n fallthrough\n}\n}`,
  )
  t.equal(outcome(block, 'a.example.org.', 'A'), '3600 A 10.0.0.1')
  t.equal(outcome(block, 'a.example.net.', 'A'), 'next')
  await stop(block)
})

void t.test('no_reverse makes no PTR records', async t => {
  const block = await started(`. {\n hosts ${writeHosts('10.0.0.1 a.example.org')} {\n no_reverse\n}\n}`)
  t.equal(outcome(block, '1.0.0.10.in-addr.arpa.', 'PTR'), 'next')
  t.equal(outcome(block, 'a.example.org.', 'A'), '3600 A 10.0.0.1')
  await stop(block)
})

const falls: { lines: string; question: string; expected: string }[] = [
  { lines: 'fallthrough', question: 'missing.example.org. A', expected: 'next' },
  { lines: 'fallthrough', question: 'missing.example.org. TXT', expected: 'next' },
  { lines: 'fallthrough', question: 'a.example.org. AAAA', expected: 'NODATA' },
  { lines: 'fallthrough', question: 'a.example.org. TXT', expected: 'NODATA' },
  { lines: 'fallthrough example.net', question: 'missing.example.org. A', expected: 'SERVFAIL' },
  { lines: 'fallthrough example.net', question: 'missing.example.net. A', expected: 'next' },
  { lines: 'fallthrough\nfallthrough_unsupported', question: 'a.example.org. TXT', expected: 'next' },
  { lines: 'fallthrough\nfallthrough_unsupported', question: 'a.example.org. AAAA', expected: 'NODATA' },
  { lines: 'fallthrough example.net\nfallthrough_unsupported', question: 'a.example.org. TXT', expected: 'NODATA' },
]
for (const { lines, question, expected } of falls) {
  void t.test(`${lines.replaceAll('\n', ', ')}: ${question} is ${expected}`, async t => {
    const block = setUpBlock(`hosts ${directory}/none {\n 10.0.0.1 a.example.org\n ${lines}\n}`)
    const [name, type] = question.split(' ')
    t.equal(outcome(block, name, type), expected)
  })
}

const silent = pino({ level: 'silent' })
const OPTIONS = { origins: [Uint8Array.of(0)], ttlSeconds: 5, hasReverse: false }
const find = (table: HostTable, name: string): number => table.find(makeQuery({ name }), Kind.A)

void t.test('a file that has changed is read again, one that has not is not', async t => {
  const path = writeHosts('10.0.0.1 a.')
  let reads = 0
  const file = new HostsFile(path, OPTIONS, silent, () => reads++)
  await file.start(0)
  const { table } = file
  await file.refresh()
  t.equal(file.table, table)
  writeFileSync(path, '10.0.0.1 b.')
  utimesSync(path, 1_000_000_000, 1_000_000_000)
  await file.refresh()
  t.equal(find(file.table, 'a.'), NO_ENTRY)
  t.not(find(file.table, 'b.'), NO_ENTRY)
  t.equal(file.changedMs, 1_000_000_000_000)
  t.equal(reads, 2)
  await file.stop()
})

void t.test('it is looked at again and again, until the end', async t => {
  const path = writeHosts('10.0.0.1 a.')
  const changed = Promise.withResolvers<void>()
  const file = new HostsFile(path, OPTIONS, silent, () => {
    if (find(file.table, 'longer.') !== NO_ENTRY) changed.resolve()
  })
  await file.start(5)
  writeFileSync(path, '10.0.0.1 longer.')
  // The timer of the file does not keep the process alive.
  const alive = setInterval(() => {}, 1_000)
  await changed.promise
  clearInterval(alive)
  t.equal(find(file.table, 'a.'), NO_ENTRY)
  await file.stop()
})

void t.test('what a file said stays when it is gone, which is logged once', async t => {
  const path = writeHosts('10.0.0.1 a.')
  const lines: string[] = []
  const log = pino({ base: null }, { write: (json: string) => lines.push((JSON.parse(json) as { msg: string }).msg) })
  const file = new HostsFile(path, OPTIONS, log, () => {})
  await file.start(0)
  rmSync(path)
  await file.refresh()
  await file.refresh()
  t.not(find(file.table, 'a.'), NO_ENTRY)
  t.same(lines, [`plugin/hosts: File does not exist: ${path}; what it said before stays`])
  writeFileSync(path, '10.0.0.1 back.')
  await file.refresh()
  t.not(find(file.table, 'back.'), NO_ENTRY)
  rmSync(path)
  await file.refresh()
  t.equal(lines.length, 2)
})

void t.test('a file that is not there, or a directory, does not keep the server from starting', async t => {
  for (const [path, message] of [
    [`${directory}/none`, `warn plugin/hosts: File does not exist: ${directory}/none`],
    [directory, `warn plugin/hosts: Hosts file "${directory}" is a directory`],
  ]) {
    const block = await started(`. {\n hosts ${path} {\n 10.0.0.1 a.example.org\n}\n}`)
    t.same(block.process.lines, [message])
    t.equal(outcome(block, 'a.example.org.', 'A'), '3600 A 10.0.0.1')
    await stop(block)
  }
})

void t.test(
  'a file that may not be read is complained of',
  { skip: process.getuid?.() === 0 && 'root reads everything' },
  async t => {
    const path = writeHosts('10.0.0.1 a.example.org')
    chmodSync(path, 0)
    const block = await started(`. {\n hosts ${path}\n}`)
    t.match(block.process.lines, [/^warn plugin\/hosts: Hosts file ".*" cannot be read: EACCES/])
    await stop(block)
  },
)

void t.test('thousands of names are all found again, and the answers are cut where they must be', async t => {
  const table = new HostTable()
  for (let i = 0; i < 5_000; i++) addLine(table, `0.0.0.0 ads${i}.example.org`, { ...OPTIONS, hasReverse: true })
  t.equal(table.recordCount, 10_000)
  for (let i = 0; i < 5_000; i++) t.not(find(table, `ads${i}.example.org.`), NO_ENTRY)
  t.equal(find(table, 'ads5000.example.org.'), NO_ENTRY)
  const query = makeQuery({ name: '0.0.0.0.in-addr.arpa.', type: Type.PTR })
  const reply = makeReply(query)
  table.write(reply, table.find(query, Kind.PTR), Kind.PTR)
  t.equal(reply.truncated, true)
  t.ok(reply.finish(query, Rcode.NOERROR) <= 512)
})

void t.test('a line of the Corefile that makes no sense is told of', async t => {
  const block = setUpBlock(`hosts ${directory}/none {\n tttl 5\n}`)
  t.same(block.process.lines, [
    "warn plugin/hosts: Corefile:3:2: 'tttl' is neither an address nor a property; left out",
  ])
})

const mistakes: [directive: string, message: RegExp][] = [
  ['hosts f {\n ttl\n}', /^Corefile:3:2: nothing after 'ttl'/],
  ['hosts f {\n ttl 0\n}', /^Corefile:3:6: bad value '0'; expected an integer from 1 to 65535/],
  ['hosts f {\n ttl 65536\n}', /^Corefile:3:6: /],
  ['hosts f {\n reload -5s\n}', /^Corefile:3:9: bad value '-5s'/],
  ['hosts f {\n reload 5\n}', /^Corefile:3:9: /],
  ['hosts f {\n fallthrough\n tttl 5\n}', /^Corefile:4:2: unknown property 'tttl' \(did you mean 'ttl'\?\)/],
  [
    'hosts f {\n fallthrough\n 10.0.0.1 a\n}',
    /^Corefile:4:2: 10.0.0.1 behind fallthrough; expected the addresses before it/,
  ],
  ['hosts f {\n fallthrough_unsupported\n}', /^Corefile:2:1: fallthrough_unsupported without fallthrough/],
  ['hosts f {\n no_reverse x\n}', /^Corefile:3:13: /],
  ['hosts f a..b', /^Corefile:2:9: bad zone 'a..b'/],
]
for (const [directive, message] of mistakes) {
  void t.test(`refused: ${directive.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directive), message)
  })
}
