import t from 'tap'
import { listLocalAddresses } from '../../../src/plugins/kubernetes/localaddress.ts'
import { formatAddress } from '../../../src/wire/address.ts'

const LOOPBACK = ['127.0.0.1', '::1']
const LAN = ['192.0.2.1', 'fe80::1', '2001:db8::1']

/** What `bind` says, the addresses of the interfaces, and those that are told. */
const rows: [bound: string[], interfaces: string[][], told: string[]][] = [
  [[], [LOOPBACK, LAN], ['192.0.2.1', '2001:db8::1']],
  [[], [LOOPBACK, ['169.254.20.10', 'fe80::2', 'febf::1']], ['169.254.20.10']],
  [[], [LOOPBACK], LOOPBACK],
  [[], [LOOPBACK, ['fe80::1']], LOOPBACK],
  [[], [], []],
  // What is bound, whatever else there is.
  [['192.0.2.9'], [LOOPBACK, LAN], ['192.0.2.9']],
  [['127.0.0.1', '192.0.2.9'], [LOOPBACK, LAN], ['192.0.2.9']],
  [['127.0.0.1'], [LOOPBACK, LAN], ['127.0.0.1']],
  [['fe80::1%eth0', '2001:db8::1'], [LOOPBACK, LAN], ['2001:db8::1']],
  // Not one address, but all.
  [['0.0.0.0'], [LOOPBACK, LAN], ['192.0.2.1', '2001:db8::1']],
  [['::'], [LOOPBACK, LAN], ['192.0.2.1', '2001:db8::1']],
]

void t.test('the server is known by what it is bound to, else by what can be reached from elsewhere', async t => {
  for (const [bound, interfaces, told] of rows) {
    const listed = Object.fromEntries(interfaces.map((list, i) => [`eth${i}`, list.map(address => ({ address }))]))
    t.same(
      listLocalAddresses(bound, listed).map(address => formatAddress(address)),
      told,
      `${bound.join()} ${interfaces.join()}`,
    )
  }
})

void t.test('and in truth it has some', async t => {
  t.ok(listLocalAddresses([]).length > 0)
})
