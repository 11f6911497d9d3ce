import t from 'tap'
import { Cursor } from '../../src/corefile/directive.ts'
import { parseCorefile } from '../../src/corefile/parser.ts'

/** A cursor over the only directive of a server block; it stands on line 2, column 1. */
function cursor(text: string): Cursor {
  const [block] = parseCorefile(`. {\n${text}\n}`, 'Corefile', { env: {} })
  const directive = block?.directives[0]
  if (directive === undefined) throw new Error('no directive')
  return new Cursor(directive)
}

void t.test('arguments are read from left to right up to the block', async t => {
  const forward = cursor('forward . 1.1.1.1 2.2.2.2 {\n policy random\n}')
  t.equal(forward.name.text, 'forward')
  t.same(
    forward.args.map(arg => arg.text),
    ['.', '1.1.1.1', '2.2.2.2'],
  )
  t.equal(forward.nextArg()?.text, '.')
  t.same(
    forward.remainingArgs().map(arg => arg.text),
    ['1.1.1.1', '2.2.2.2'],
  )
  t.equal(forward.nextArg(), undefined)
  t.same(forward.remainingArgs(), [])
})

interface Shape {
  name: string
  args: string[]
  block: Shape[]
}

function shape(cursor: Cursor): Shape {
  return {
    name: cursor.name.text,
    args: cursor.args.map(arg => arg.text),
    block: cursor.block().map(shape),
  }
}

void t.test('a block is read line by line, with the blocks of its own lines', async t => {
  const text = `plugin x {
  one
  two a "{" b
  three c {
    four d
    five { six e }
  }
  seven {
  }
}`
  t.same(shape(cursor(text)), {
    name: 'plugin',
    args: ['x'],
    block: [
      { name: 'one', args: [], block: [] },
      { name: 'two', args: ['a', '{', 'b'], block: [] },
      {
        name: 'three',
        args: ['c'],
        block: [
          { name: 'four', args: ['d'], block: [] },
          { name: 'five', args: [], block: [{ name: 'six', args: ['e'], block: [] }] },
        ],
      },
      { name: 'seven', args: [], block: [] },
    ],
  })
  t.same(shape(cursor('health {\n}')), { name: 'health', args: [], block: [] })
})

void t.test('durations are those of Go', async t => {
  const table: [string, number][] = [
    ['5s', 5000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['.5s', 500],
    ['1.s', 1000],
    ['0', 0],
    ['-1m', -60_000],
    ['+2us', 0.002],
    ['2µs', 0.002],
    ['1ns', 0.000001],
  ]
  for (const [text, ms] of table) t.equal(cursor(`x ${text}`).durationMs(), ms, text)
  for (const text of ['5', 's', '5 s', '5x', '1h30', '', '-', '1m-1s', '5S', '1e3s', '.s']) {
    t.throws(() => cursor(`x "${text}"`).durationMs(), {
      message: `Corefile:2:3: bad value '${text}'; expected a duration such as 5s, 500ms or 1h30m`,
    })
  }
})

void t.test('networks and addresses are read with what they leave out', async t => {
  t.same(cursor('x 10.1.2.3/23').cidr(), { family: 4, address: Uint8Array.of(10, 1, 2, 0), length: 23 })
  t.same(cursor('x 10.1.2.3').cidr(), { family: 4, address: Uint8Array.of(10, 1, 2, 3), length: 32 })
  t.same(cursor('x fd12:3456::ff/20').cidr(), {
    family: 6,
    address: Uint8Array.from([0xfd, 0x12, 0x30, ...Buffer.alloc(13)]),
    length: 20,
  })
  t.same(cursor('x ::ffff:10.0.0.1').cidr().address, Uint8Array.from([...Buffer.alloc(10), 255, 255, 10, 0, 0, 1]))
  const table: [string, number | undefined, string, number][] = [
    ['10.0.0.10:53', undefined, '10.0.0.10', 53],
    ['[fd00::1]:5353', undefined, 'fd00::1', 5353],
    [':8080', undefined, '', 8080],
    ['localhost:9153', undefined, 'localhost', 9153],
    ['10.0.0.10', 53, '10.0.0.10', 53],
    ['fd00::1', 53, 'fd00::1', 53],
    ['[fd00::1]', 53, 'fd00::1', 53],
    ['fe80::1%eth0', 53, 'fe80::1%eth0', 53],
    ['[fe80::1%eth0]:54', 53, 'fe80::1%eth0', 54],
    ['dns.example', 53, 'dns.example', 53],
  ]
  for (const [text, port, host, expected] of table)
    t.same(cursor(`x ${text}`).address(port), { host, port: expected }, text)
})

void t.test('remaining arguments are zones, a network all of its reverse zones', async t => {
  t.same(cursor('kubernetes Cluster.LOCAL 10.0.0.0/15 .').zones(), [
    'cluster.local.',
    '0.10.in-addr.arpa.',
    '1.10.in-addr.arpa.',
    '.',
  ])
  t.same(cursor('kubernetes').zones(), [])
})

void t.test('what does not fit is told at its place with the limits', async t => {
  const table: [string, (cursor: Cursor) => unknown, string][] = [
    ['ttl 3601', c => c.integer(0, 3600), "2:5: bad value '3601'; expected an integer from 0 to 3600"],
    ['ttl 1.5', c => c.integer(), "2:5: bad value '1.5'; expected an integer"],
    ['ttl 0x10', c => c.integer(1), "2:5: bad value '0x10'; expected an integer of at least 1"],
    ['ttl', c => c.integer(), "2:1: nothing after 'ttl'; expected an integer"],
    [
      'servfail 6m',
      c => c.durationMs(0, 300_000),
      "2:10: bad value '6m'; expected a duration such as 5s, 500ms or 1h30m from 0s to 5m",
    ],
    ['x a', c => (c.nextArg(), c.durationMs()), "2:3: nothing after 'a'; expected a duration such as 5s"],
    [
      'net 10.0.0.0/33',
      c => c.cidr(),
      "2:5: bad value '10.0.0.0/33'; expected an IP address or a network such as 10.0.0.0/8 or fd00::/8",
    ],
    [
      'net 10.0.0.0/8/8',
      c => c.cidr(),
      "2:5: bad value '10.0.0.0/8/8'; expected an IP address or a network such as 10.0.0.0/8 or fd00::/8",
    ],
    ['x a..b', c => c.zones(), "2:3: bad zone 'a..b': it has an empty label; expected one dot between labels"],
    ['x a b', c => (c.nextArg(), c.end()), "2:5: 'b' is one argument too many; expected none"],
    ['x {\n  y\n}', c => c.noBlock(), '3:3: x has no properties; expected no block'],
    [
      'x a b',
      c => {
        throw c.argError('one zone')
      },
      '2:1: x has 2 arguments; expected one zone',
    ],
    ['x', c => c.requireArg('a file'), "2:1: nothing after 'x'; expected a file"],
  ]
  for (const [text, read, message] of table) {
    t.throws(() => read(cursor(text)), { name: 'CorefileError', message: `Corefile:${message}` }, text)
  }
  const addresses = [
    '10.0.0.10',
    '10.0.0.1:x',
    '10.0.0.1:65536',
    'fd00::1',
    '[fd00::1',
    '[10.0.0.1]:53',
    '1.2.3:53',
    'a b:53',
    ':',
  ]
  for (const text of addresses) {
    t.throws(() => cursor(`x "${text}"`).address(), {
      message: `Corefile:2:3: bad value '${text}'; expected an address such as 10.0.0.10:53, [fd00::1]:53 or :8080`,
    })
  }
})

void t.test('an unknown property is told with those that exist and the nearest of them', async t => {
  const [line] = cursor('cache {\n sucess 5\n}').block()
  t.throws(
    () => {
      throw line?.unknown(['success', 'denial'])
    },
    {
      code: 'unknown_property',
      message: "Corefile:3:2: unknown property 'sucess' (did you mean 'success'?); expected one of success, denial",
    },
  )
  const [other] = cursor('cache {\n policy\n}').block()
  t.equal(other?.unknown([]).message, "Corefile:3:2: unknown property 'policy'; expected none")
})

void t.test('the nearest name is near, never merely the least far', async t => {
  const table: [string, string | undefined][] = [
    ['sucess', 'success'],
    ['DENIAL', 'denial'],
    ['dneial', 'denial'],
    ['policy', undefined],
    ['tl', 'ttl'],
    ['x', undefined],
  ]
  for (const [name, nearest] of table) {
    const [line] = cursor(`cache {\n ${name}\n}`).block()
    const hint = /did you mean '(.*)'/.exec(line?.unknown(['success', 'denial', 'ttl']).message ?? '')?.[1]
    t.equal(hint, nearest, name)
  }
})
