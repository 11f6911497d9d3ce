import { BlockList } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { AddressPool, familyOf, formatAddress, parseAddress, unusableAs } from '../../src/fakeapi/address.ts'
import type { Address } from '../../src/fakeapi/address.ts'

void t.test('an address is written as RFC 5952 says', async t => {
  const forms: [string, string][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['FD00:0:0::0001', 'fd00::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1::', '1::'],
    ['::ffff:a00:1', '::ffff:10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ]
  for (const [text, canonical] of forms) {
    const address = parseAddress(text)
    t.equal(address && formatAddress(address), canonical)
  }
})

void t.test('text that is no address is none', async t => {
  for (const text of ['', '10.0.0', '10.0.0.01', '10.0.0.256', 'fe80::1%eth0', '10.0.0.0/8', '1::2::3', 'None']) {
    t.equal(parseAddress(text), undefined, text)
    t.equal(familyOf(text), undefined, text)
  }
})

void t.test('what is written is read again', async t => {
  const address: fc.Arbitrary<Address> = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map(value => ({ family: 'IPv4' as const, value })),
    fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(value => ({ family: 'IPv6' as const, value })),
    fc.array(fc.constantFrom<bigint[]>(0n, 1n, 0xffffn), { minLength: 8, maxLength: 8 }).map(groups => ({
      family: 'IPv6' as const,
      value: groups.reduce((value, group) => value * 65536n + group, 0n),
    })),
  )
  fc.assert(
    fc.property(address, one => {
      const again = parseAddress(formatAddress(one))
      return again?.family === one.family && again.value === one.value
    }),
  )
  t.pass()
})

void t.test('the unusable ranges are those of the standard library', async t => {
  const ranges = new BlockList()
  ranges.addSubnet('127.0.0.0', 8, 'ipv4')
  ranges.addSubnet('169.254.0.0', 16, 'ipv4')
  ranges.addSubnet('224.0.0.0', 24, 'ipv4')
  ranges.addSubnet('fe80::', 10, 'ipv6')
  ranges.addSubnet('ff02::', 16, 'ipv6')
  const edges = ['126.255.255.255', '127.0.0.0', '128.0.0.0', '169.253.255.255', '169.254.255.255', '169.255.0.0']
  const more = ['224.0.0.255', '224.0.1.0', 'fe7f::1', 'fe80::', 'febf::1', 'fec0::', 'ff01::1', 'ff02::', 'ff03::']
  for (const text of [...edges, ...more]) {
    const address = parseAddress(text)
    if (!address) throw new Error(text)
    t.equal(unusableAs(address) !== undefined, ranges.check(text, address.family === 'IPv4' ? 'ipv4' : 'ipv6'), text)
  }
})

void t.test('a pool gives each host address once, and again what came back', async t => {
  const pool = new AddressPool('192.0.2.8/29')
  const all = Array.from({ length: 6 }, () => pool.allocate())
  t.same(all, ['192.0.2.9', '192.0.2.10', '192.0.2.11', '192.0.2.12', '192.0.2.13', '192.0.2.14'])
  t.equal(pool.allocate(), undefined)
  const address = parseAddress('192.0.2.11')
  if (!address) throw new Error('no address')
  pool.release(address)
  t.equal(pool.allocate(), '192.0.2.11')
})

void t.test('a bad range is told with an example of a good one', async t => {
  for (const cidr of ['', '10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'fd00::/-1', 'a/8']) {
    t.throws(() => new AddressPool(cidr), /is not an address range; write it as 10\.96\.0\.0\/16/, cidr)
  }
})
