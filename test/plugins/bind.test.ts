import { networkInterfaces } from 'node:os'
import t from 'tap'
import { listAddresses, type Interfaces } from '../../src/plugins/bind/bind.ts'
import { setUpBlock } from './harness.ts'

const v4 = { netmask: '', mac: '', internal: false, cidr: null, family: 'IPv4' as const }
const v6 = { ...v4, family: 'IPv6' as const }
const INTERFACES: Interfaces = {
  lo: [
    { ...v4, address: '127.0.0.1' },
    { ...v6, address: '::1', scopeid: 0 },
  ],
  eth0: [
    { ...v4, address: '10.0.0.2' },
    { ...v6, address: 'fe80::1', scopeid: 2 },
  ],
}

const cases: [text: string, addresses: string[] | undefined][] = [
  ['192.0.2.1', ['192.0.2.1']],
  ['2001:DB8:0:0:0:0:0:1', ['2001:db8::1']],
  ['fe80::1%eth0', ['fe80::1%eth0']],
  ['lo', ['127.0.0.1', '::1']],
  ['eth0', ['10.0.0.2', 'fe80::1%eth0']],
  ['eth1', undefined],
  ['1.2.3', undefined],
  ['toString', undefined],
]
for (const [text, addresses] of cases) {
  void t.test(`${text} stands for ${addresses?.join(' and ') ?? 'nothing'}`, async t => {
    t.same(listAddresses(text, INTERFACES), addresses)
  })
}

void t.test('several lines and several arguments are one list without repetitions', async t => {
  const block = setUpBlock('bind 127.0.0.1 ::1\nbind 127.0.0.2 127.0.0.1')
  t.same(block.addresses, ['127.0.0.1', '::1', '127.0.0.2'])
})

void t.test('except holds for its own line alone', async t => {
  const block = setUpBlock('bind 127.0.0.1 127.0.0.2 {\n except 127.0.0.1\n}\nbind 127.0.0.1')
  t.same(block.addresses, ['127.0.0.2', '127.0.0.1'])
})

void t.test('an interface stands for its addresses', async t => {
  const [name, assigned] = Object.entries(networkInterfaces()).find(([, list]) => list?.some(a => a.internal)) ?? []
  if (!name || !assigned) return
  t.same(
    setUpBlock(`bind ${name}`).addresses.map(address => address.split('%')[0]),
    assigned.map(({ address }) => address),
  )
})

const mistakes: [directives: string, message: RegExp][] = [
  ['bind', /^Corefile:2:1: nothing after 'bind'; expected an IP address or the name of an interface/],
  ['bind 127.0.0.1 nosuch', /^Corefile:2:16: 'nosuch' is neither an IP address nor an interface of this host/],
  ['bind 127.0.0.256', /^Corefile:2:6: /],
  ['bind 127.0.0.1 {\n except\n}', /^Corefile:3:2: nothing after 'except'/],
  ['bind 127.0.0.1 {\n except nosuch\n}', /^Corefile:3:9: /],
  ['bind 127.0.0.1 {\n expect ::1\n}', /^Corefile:3:2: unknown property 'expect' \(did you mean 'except'\?\)/],
  ['bind 127.0.0.1 {\n except 127.0.0.1\n}', /^Corefile:2:1: except leaves no address/],
]
for (const [directives, message] of mistakes) {
  void t.test(`refused: ${directives.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directives), message)
  })
}
