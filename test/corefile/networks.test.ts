import fc from 'fast-check'
import t from 'tap'
import { type Prefix, parsePrefix } from '../../src/corefile/cidr.ts'
import { Networks } from '../../src/corefile/networks.ts'
import { formatAddress, parseAddress } from '../../src/wire/address.ts'

const networks = (...texts: string[]): Networks => new Networks(texts.map(text => parsePrefix(text)!))

const cases: [networks: string[], inside: string[], outside: string[]][] = [
  [[], [], ['10.0.0.1', '::1']],
  [['10.0.0.0/8'], ['10.0.0.0', '10.255.255.255'], ['9.255.255.255', '11.0.0.0', '::a00:0']],
  [['0.0.0.0/0'], ['0.0.0.0', '255.255.255.255'], ['::', '::1']],
  [['192.0.2.1'], ['192.0.2.1'], ['192.0.2.0', '192.0.2.2']],
  [['10.0.0.0/8', '10.1.0.0/16'], ['10.200.0.1', '10.1.2.3'], ['12.0.0.1']],
  [
    ['192.168.1.64/26', '192.168.0.0/31'],
    ['192.168.1.127', '192.168.0.1'],
    ['192.168.1.128', '192.168.0.2'],
  ],
  [
    ['fd00::/8', '2001:db8::/33'],
    ['fdff::1', '2001:db8:7fff::1'],
    ['2001:db8:8000::', 'fe00::', '253.0.0.0'],
  ],
]
for (const [written, inside, outside] of cases) {
  void t.test(written.join(' ') || 'no networks', async t => {
    const set = networks(...written)
    for (const address of inside) t.equal(set.has(parseAddress(address)!), true, address)
    for (const address of outside) t.equal(set.has(parseAddress(address)!), false, address)
  })
}

const bits = (octets: Uint8Array): string => [...octets].map(octet => octet.toString(2).padStart(8, '0')).join('')

const isIn = (octets: Uint8Array, { address, length }: Prefix): boolean =>
  bits(octets).slice(0, length) === bits(address).slice(0, length)

void t.test('it agrees with asking one network after the other, bit by bit', async t => {
  const octet = fc.constantFrom(0, 1, 128, 192, 255)
  const address = fc.array(octet, { minLength: 4, maxLength: 4 }).map(octets => Uint8Array.from(octets))
  const prefix = fc
    .tuple(address, fc.integer({ min: 0, max: 32 }))
    .map(([octets, length]) => parsePrefix(`${formatAddress(octets)}/${length}`)!)
  fc.assert(
    fc.property(fc.array(prefix, { maxLength: 8 }), address, (prefixes, octets) => {
      t.equal(
        new Networks(prefixes).has(octets),
        prefixes.some(prefix => isIn(octets, prefix)),
      )
    }),
    { numRuns: 500 },
  )
})
