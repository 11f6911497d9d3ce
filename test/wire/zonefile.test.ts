import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { formatAddress } from '../../src/wire/address.ts'
import { formatType } from '../../src/wire/constants.ts'
import { formatName, parseName } from '../../src/wire/name.ts'
import { RecordError } from '../../src/wire/word.ts'
import { type RecordDefaults, parseRecord } from '../../src/wire/zonefile.ts'

/** The whole record in wire form. */
function encode(text: string, defaults?: RecordDefaults): string {
  const { owner, type, class: klass, ttlSeconds, rdata } = parseRecord(text, defaults)
  const head = Buffer.alloc(10)
  head.writeUInt16BE(type, 0)
  head.writeUInt16BE(klass, 2)
  head.writeUInt32BE(ttlSeconds, 4)
  head.writeUInt16BE(rdata.length, 8)
  return Buffer.concat([owner, head, rdata]).toString('hex')
}

const golden = readFileSync(new URL('testdata/records.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))

void t.test('records are what another implementation makes of them', async t => {
  t.ok(golden.length > 50)
  for (const line of golden) {
    const space = line.indexOf(' ')
    const text = line.slice(space + 1)
    t.equal(encode(text), line.slice(0, space), text)
  }
})

void t.test('every record can be written as RFC 3597 has it, and is the same', async t => {
  for (const line of golden) {
    const text = line.slice(line.indexOf(' ') + 1)
    const { owner, type, class: klass, ttlSeconds, rdata } = parseRecord(text)
    const generic = `${formatName(owner)} ${ttlSeconds} CLASS${klass} TYPE${type} \\# ${rdata.length} ${Buffer.from(rdata).toString('hex')}`
    t.equal(encode(generic), encode(text), generic)
  }
})

const mistakes: [text: string, message: string][] = [
  ['', 'column 1: no record'],
  [' ; nothing', 'column 1: no record'],
  ['  example.org. A 192.0.2.1', 'column 1: a record begins with its owner, not with a blank'],
  ['example.org.', 'column 13: no type'],
  ['example.org. 60', 'column 16: no type'],
  ['example.org. 60 IN FOO bar', "column 20: 'FOO' is no type"],
  ['example.org. 60 IN CH A 192.0.2.1', "column 20: 'CH' is no type"],
  ['example.org. 60 60 A 192.0.2.1', "column 17: '60' is no type"],
  ['example.org. 60 IN ANY x', "column 20: 'ANY' is no type"],
  ['example..org. A 192.0.2.1', "column 1: 'example..org.' is no domain name"],
  ['example.org. 60x A 192.0.2.1', "column 14: '60x' is no time in seconds"],
  ['example.org. 4294967295 A 192.0.2.1', 'column 14: 4294967295 is more than 2147483647 seconds'],
  ['example.org. A', 'column 15: an IPv4 address is missing'],
  ['example.org. A 192.0.2.256', "column 16: '192.0.2.256' is not an IPv4 address"],
  ['example.org. A 2001:db8::1', "column 16: '2001:db8::1' is not an IPv4 address"],
  ['example.org. AAAA 192.0.2.1', "column 19: '192.0.2.1' is not an IPv6 address"],
  ['example.org. A 192.0.2.1 192.0.2.2', "column 26: '192.0.2.2' is one word too many"],
  ['example.org. A (192.0.2.1', "column 25: '(' without ')'"],
  ['example.org. A 192.0.2.1)', "column 25: ')' without '('"],
  ['example.org. A 192.0.2.1\nexample.org. A 192.0.2.2', 'column 25: a second line without parentheses'],
  ['example.org. MX mail', "column 17: 'mail' is no number from 0 to 65535"],
  ['example.org. MX 65536 mail', "column 17: '65536' is no number from 0 to 65535"],
  ['example.org. MX 10', 'column 19: a name is missing'],
  ['example.org. CNAME a..b', "column 20: 'a..b' is no domain name"],
  ['example.org. TXT', 'column 17: a text is missing'],
  ['example.org. TXT "open', 'column 18: a quote without its end'],
  ['example.org. TXT end\\', 'column 21: nothing after the backslash'],
  ['example.org. TXT \\300', 'column 18: \\300 is no octet'],
  [`example.org. TXT ${'x'.repeat(256)}`, 'column 18: a text of 256 octets; 255 is the most'],
  ['example.org. SOA ns a 1 2 3 4', 'column 30: a time in seconds is missing'],
  ['example.org. CAA 256 issue x', "column 18: '256' is no number from 0 to 255"],
  ['example.org. DS 1 5 1 2BB', "column 23: '2BB' is not pairs of hexadecimal digits"],
  ['example.org. DNSKEY 257 3 8 AwE', "column 29: 'AwE' is not base64"],
  ['example.org. TYPE65280 0102', 'column 24: the data of TYPE65280 has to be written as \\# LENGTH HEX'],
  ['example.org. TYPE65280', 'column 23: the data of TYPE65280 has to be written as \\# LENGTH HEX'],
  ['example.org. TYPE65280 \\# 4 010203', 'column 27: 4 octets are said, 3 written'],
  ['example.org. TYPE65280 \\# 1', 'column 28: hexadecimal digits is missing'],
  ['example.org. TYPE65280 \\#', 'column 26: the length of the data is missing'],
  ['example.org. HTTPS 1 . foo=bar', "column 24: 'foo=bar' has no key that is known"],
  ['example.org. HTTPS 1 . key65535=x', "column 24: 'key65535=x' has no key that is known"],
  ['example.org. HTTPS 1 . port=1 port=2', "column 31: 'port=2' is the second of its key"],
  ['example.org. HTTPS 1 . port=99999', 'column 24: port: a port is its value'],
  ['example.org. HTTPS 1 . alpn', 'column 24: alpn: a list of protocols is its value'],
  ['example.org. HTTPS 1 . alpn=h2,,h3', 'column 24: alpn: a list of protocols is its value'],
  ['example.org. HTTPS 1 . ipv4hint=::1', 'column 24: ipv4hint: a list of addresses is its value'],
  ['example.org. HTTPS 1 . mandatory=foo', 'column 24: mandatory: a list of keys is its value'],
  ['example.org. HTTPS 1 . no-default-alpn=1', 'column 24: no-default-alpn: it has no value'],
  ['example.org. HTTPS 1 . ech=x', "column 24: 'x' is not base64"],
]
for (const [text, message] of mistakes) {
  void t.test(`refused: ${text.replaceAll('\n', '\\n').slice(0, 80)}`, async t => {
    t.throws(() => parseRecord(text), { name: 'RecordError', message })
  })
}

void t.test('relative names end in the origin, absolute ones do not', async t => {
  const defaults = { origin: parseName('example.org.')!, ttlSeconds: 7 }
  const cases: [relative: string, absolute: string][] = [
    ['www MX 10 mail', 'www.example.org. 7 IN MX 10 mail.example.org.'],
    ['www MX 10 mail.', 'www.example.org. 7 IN MX 10 mail.'],
    ['@ NS @', 'example.org. 7 IN NS example.org.'],
    ['a\\. NS b\\\\.', 'a\\..example.org. 7 IN NS b\\\\.'],
    ['x 9 SOA ns a (\n 1 ; serial\n 2 3\n 4 5 )', 'x.example.org. 9 IN SOA ns.example.org. a.example.org. 1 2 3 4 5'],
  ]
  for (const [relative, absolute] of cases) t.equal(encode(relative, defaults), encode(absolute), relative)
  const long = `${'x'.repeat(63)}.`.repeat(3) + 'y'.repeat(55)
  t.throws(() => parseRecord(`${long} NS a.`, defaults), { message: `column 1: '${long}' is too long a name` })
})

const quote = (octets: Uint8Array): string =>
  `"${Array.from(octets, octet => `\\${String(octet).padStart(3, '0')}`).join('')}"`

void t.test('any name, text and address survives the way there', async t => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 10 })
  const name = fc
    .array(label, { maxLength: 8 })
    .map(labels => Uint8Array.from([...labels.flatMap(octets => [octets.length, ...octets]), 0]))
  fc.assert(
    fc.property(
      name,
      name,
      fc.uint8Array({ maxLength: 255 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      (owner, target, text, address) => {
        const mx = parseRecord(`${formatName(owner)} MX 1 ${formatName(target)}`)
        t.same(Buffer.from(mx.owner), Buffer.from(owner))
        t.same(Buffer.from(mx.rdata), Buffer.from([0, 1, ...target]))
        t.same(Buffer.from(parseRecord(`a. TXT ${quote(text)}`).rdata), Buffer.from([text.length, ...text]))
        t.same(Buffer.from(parseRecord(`a. AAAA ${formatAddress(address)}`).rdata), Buffer.from(address))
      },
    ),
    { numRuns: 200 },
  )
})

void t.test('whatever the text, it is a record or a RecordError', async t => {
  const word = fc.oneof(
    fc.constantFrom('a.', '@', '60', 'IN', '(', ')', '"', ';', '\\', '\n', '\\#', '1', ' ', 'alpn=', '"x"'),
    fc.constantFrom(...[1, 5, 6, 15, 16, 33, 35, 43, 48, 65, 257].map(formatType)),
    fc.string({ unit: 'binary', maxLength: 5 }),
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), words => {
      try {
        t.type(parseRecord(words.join(' ')).type, 'number')
      } catch (error) {
        t.ok(error instanceof RecordError, String(error))
      }
    }),
    { numRuns: 500 },
  )
})
