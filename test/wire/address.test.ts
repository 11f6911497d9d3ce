import { isIP, SocketAddress } from 'node:net'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { familyOf, formatAddress, isIpv6, parseAddress, reverseName } from '../../src/wire/address.ts'

void t.test('text is an address exactly when Node says so', async t => {
  const texts = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.stringMatching(/^[0-9a-f:.]{0,24}$/),
    fc.stringMatching(/^(::1|fe80::1:2|1\.2\.3\.4|a::b::c)%?[a-z0-9%:._-]{0,6}$/),
    fc
      .array(fc.constantFrom('0', '1', 'ff', '255', '256', '01', '::', ':', '.', '1.2.3.4', 'g', '%'), { maxLength: 9 })
      .map(parts => parts.join('')),
    fc.array(fc.constantFrom('0', '1', 'ff', 'abcd', '00000', ''), { maxLength: 9 }).map(parts => parts.join(':')),
    fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 3, maxLength: 5 }).map(parts => parts.join('.')),
  )
  fc.assert(
    fc.property(texts, text => {
      const family = text.includes('%') ? 0 : isIP(text)
      assert.equal(familyOf(text), isIP(text), text)
      if (family !== 0) assert.equal(isIpv6(text), family === 6, text)
      assert.equal(parseAddress(text)?.length ?? 0, [0, 4, 16][[0, 4, 6].indexOf(family)], text)
    }),
    { numRuns: 2_000 },
  )
  t.pass('all of them')
})

void t.test('octets survive their text form', async t => {
  const octets = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map(list => Uint8Array.from(list)),
  )
  fc.assert(
    fc.property(octets, address => {
      const text = formatAddress(address)
      assert.equal(isIP(text), address.length === 4 ? 4 : 6)
      assert.deepEqual(parseAddress(text), address)
      if (address.length === 16 && !isMappedOrCompatible(address)) {
        assert.equal(text, new SocketAddress({ address: text, family: 'ipv6' }).address)
      }
    }),
    { numRuns: 1_000 },
  )
  t.pass('all of them')
})

/** The C library writes these with dots (`::ffff:1.2.3.4`), which RFC 5952 section 5 leaves open. */
const isMappedOrCompatible = (address: Uint8Array): boolean => address.subarray(0, 10).every(octet => octet === 0)

void t.test('IPv6 is written as RFC 5952 recommends', async t => {
  for (const [from, to] of [
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['FE80::AB', 'fe80::ab'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['::ffff:a00:1', '::ffff:10.0.0.1'],
  ]) {
    t.equal(formatAddress(parseAddress(from)!), to)
  }
})

void t.test('an address in the middle of a buffer', async t => {
  t.equal(formatAddress(Uint8Array.of(9, 10, 0, 0, 1, 9), 1, 4), '10.0.0.1')
})

void t.test('reverse names', async t => {
  t.equal(reverseName(parseAddress('10.96.0.1')!), '1.0.96.10.in-addr.arpa.')
  t.equal(
    reverseName(parseAddress('2001:db8::567:89ab')!),
    'b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.',
  )
})

function spellReverse(address: Uint8Array): string {
  const isIpv4 = address.length === 4
  const labels = isIpv4 ? Array.from(address, String) : Buffer.from(address).toString('hex').split('')
  return `${labels.toReversed().join('.')}.${isIpv4 ? 'in-addr' : 'ip6'}.arpa.`
}

void t.test('a reverse name has the octets or nibbles from last to first', async t => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  fc.assert(
    fc.property(address, octets => {
      t.equal(reverseName(octets), spellReverse(octets))
    }),
  )
})
