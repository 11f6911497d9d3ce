import t from 'tap'
import { type BoundKey, checkOverlap } from '../../src/corefile/overlap.ts'
import { formatKey, parseKey, parseZones } from '../../src/corefile/key.ts'
import type { Token } from '../../src/corefile/token.ts'

function token(text: string, line = 1): Token {
  return { text, file: 'Corefile', line, column: 1, quoted: false, startsLine: true }
}

function keys(text: string): string[] {
  return parseKey(token(text), 5300).map(formatKey)
}

void t.test('a key is a scheme, a zone and a port, each with a default', async t => {
  const table: [string, string][] = [
    ['.', 'dns://.:5300'],
    ['.:53', 'dns://.:53'],
    [':1053', 'dns://.:1053'],
    ['.:0', 'dns://.:0'],
    ['example.org', 'dns://example.org.:5300'],
    ['Example.ORG.:53', 'dns://example.org.:53'],
    ['dns://example.org', 'dns://example.org.:5300'],
    ['tls://example.org', 'tls://example.org.:853'],
    ['TLS://.', 'tls://.:853'],
    ['quic://.', 'quic://.:853'],
    ['grpc://.', 'grpc://.:443'],
    ['https://.', 'https://.:443'],
    ['https3://.', 'https3://.:443'],
    ['https://example.org:8443', 'https://example.org.:8443'],
    ['127.0.0.1', 'dns://127.0.0.1.:5300'],
    ['0/25.2.0.192.in-addr.arpa', 'dns://0/25.2.0.192.in-addr.arpa.:5300'],
    ['_udp.example\\.org', 'dns://_udp.example\\.org.:5300'],
    ['example.org\\.', 'dns://example.org\\..:5300'],
    ['b\\252cher.\\065', 'dns://b\\252cher.a.:5300'],
  ]
  for (const [text, expected] of table) t.same(keys(text), [expected], text)
})

void t.test('a network is the reverse zones that make it up', async t => {
  const table: [string, string[]][] = [
    ['10.0.0.0/8', ['10.in-addr.arpa.']],
    ['10.1.2.3/24', ['2.1.10.in-addr.arpa.']],
    ['10.0.0.0/23', ['0.0.10.in-addr.arpa.', '1.0.10.in-addr.arpa.']],
    ['172.16.0.0/14', ['16.172.in-addr.arpa.', '17.172.in-addr.arpa.', '18.172.in-addr.arpa.', '19.172.in-addr.arpa.']],
    ['192.0.2.1/32', ['1.2.0.192.in-addr.arpa.']],
    ['192.0.2.129/31', ['128.2.0.192.in-addr.arpa.', '129.2.0.192.in-addr.arpa.']],
    ['0.0.0.0/0', ['in-addr.arpa.']],
    ['2001:db8::/32', ['8.b.d.0.1.0.0.2.ip6.arpa.']],
    ['fd00::/7', ['c.f.ip6.arpa.', 'd.f.ip6.arpa.']],
    ['FD00::/8', ['d.f.ip6.arpa.']],
    ['::/0', ['ip6.arpa.']],
    ['::1/128', [`1.${'0.'.repeat(31)}ip6.arpa.`]],
    ['::ffff:192.0.2.0/120', [`2.0.0.0.0.c.f.f.f.f.${'0.'.repeat(20)}ip6.arpa.`]],
  ]
  for (const [text, expected] of table) t.same(parseZones(token(text)), expected, text)
  t.same(keys('2001:db8::/32:1053'), ['dns://8.b.d.0.1.0.0.2.ip6.arpa.:1053'])
  t.same(keys('tls://10.0.0.0/23'), ['tls://0.0.10.in-addr.arpa.:853', 'tls://1.0.10.in-addr.arpa.:853'])
})

void t.test('a key that cannot be served is an error that says why', async t => {
  const long = 'a'.repeat(64)
  const table: [string, string][] = [
    [
      'http://localhost',
      "unknown scheme in 'http://localhost'; expected one of dns://, tls://, quic://, grpc://, https://, https3://",
    ],
    ['a:port', "bad port 'port' in 'a:port'; expected a number from 0 to 65535"],
    ['a:', "bad port '' in 'a:'; expected a number from 0 to 65535"],
    ['a:65536', "bad port '65536' in 'a:65536'; expected a number from 0 to 65535"],
    ['10.0.0.0/33', "bad network '10.0.0.0/33'; expected ADDRESS/LENGTH such as 10.0.0.0/8 or fd00::/8"],
    ['10.0.0/8', "bad network '10.0.0/8'; expected ADDRESS/LENGTH such as 10.0.0.0/8 or fd00::/8"],
    ['fd00::/129', "bad network 'fd00::/129'; expected ADDRESS/LENGTH such as 10.0.0.0/8 or fd00::/8"],
    ['fd00::1', "bad zone 'fd00:': it has a ':'; expected ZONE or ZONE:PORT, or an IPv6 prefix ADDRESS/LENGTH"],
    ['a,b', "bad zone 'a,b': it has a ','; expected a space after the comma between two zones"],
    ['a b', "bad zone 'a b': it has a character no zone has; expected a domain name"],
    ['a..b', "bad zone 'a..b': it has an empty label; expected one dot between labels"],
    ['.a', "bad zone '.a': it has an empty label; expected one dot between labels"],
    ['a\\', "bad zone 'a\\': it is no domain name; expected labels of at most 63 octets, with their dots at most 254"],
    [
      long,
      `bad zone '${long}': it is no domain name; expected labels of at most 63 octets, with their dots at most 254`,
    ],
    [
      'a.'.repeat(128),
      `bad zone '${'a.'.repeat(128)}': it is no domain name; expected labels of at most 63 octets, with their dots at most 254`,
    ],
  ]
  for (const [text, message] of table) {
    t.throws(() => parseKey(token(text), 53), { code: 'bad_zone', message: `Corefile:1:1: ${message}` }, text)
  }
  t.same(keys('a.'.repeat(127)), [`dns://${'a.'.repeat(127)}:5300`], 'the longest name passes')
  t.throws(() => parseKey(token('a'.repeat(1_000_000)), 53), { code: 'bad_zone' })
})

function bound(text: string, line: number, ...addresses: string[]): BoundKey[] {
  return parseKey(token(text, line), 53).map(key => ({ key, token: token(text, line), addresses }))
}

void t.test('the same zone on the same port needs an address of its own', async t => {
  checkOverlap([
    ...bound('.', 1),
    ...bound('example.org', 2),
    ...bound('.:54', 3),
    ...bound('tls://.:53', 4),
    ...bound('a', 5, '127.0.0.1', '::1'),
    ...bound('a', 6, '127.0.0.2'),
  ])
  const table: [BoundKey[], string][] = [
    [
      [...bound('.', 1), ...bound(':53', 5)],
      'Corefile:5:1: cannot serve dns://.:53 - it is already defined (Corefile:1:1)',
    ],
    [
      [...bound('a', 1, '127.0.0.1'), ...bound('a', 5, '::1', '127.0.0.1')],
      'Corefile:5:1: cannot serve dns://a.:53 on 127.0.0.1 - it is already defined (Corefile:1:1)',
    ],
    [
      [...bound('a', 1, '127.0.0.1'), ...bound('a', 5)],
      'Corefile:5:1: cannot serve dns://a.:53 - zone overlap listener capacity with dns://a.:53 on 127.0.0.1 (Corefile:1:1)',
    ],
    [
      [...bound('a', 1), ...bound('a', 5, '::1')],
      'Corefile:5:1: cannot serve dns://a.:53 on ::1 - zone overlap listener capacity with dns://a.:53 (Corefile:1:1)',
    ],
    [
      [...bound('10.0.0.0/16', 1), ...bound('10.0.0.0/15', 5)],
      'Corefile:5:1: cannot serve dns://0.10.in-addr.arpa.:53 - it is already defined (Corefile:1:1)',
    ],
  ]
  for (const [list, message] of table) {
    t.throws(() => checkOverlap(list), {
      code: 'duplicate_zone',
      message: `${message}; expected another zone or port, or a bind address each`,
    })
  }
})
