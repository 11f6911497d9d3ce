import t from 'tap'
import { parseProtobuf } from '../../src/fakeapi/protobuf.ts'

function varint(value: number): Buffer {
  const octets: number[] = []
  let rest = BigInt.asUintN(64, BigInt(value))
  for (; rest > 0x7fn; rest >>= 7n) octets.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...octets, Number(rest)])
}

function number(field: number, value: number): Buffer {
  return Buffer.concat([varint(field << 3), varint(value)])
}

function field(field: number, ...parts: (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map(part => Buffer.from(part)))
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content])
}

function envelope(apiVersion: string, kind: string, ...raw: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('k8s\0'), field(1, field(1, apiVersion), field(2, kind)), field(2, ...raw)])
}

void t.test('a Service comes out as JSON has it, without the zeros that Go writes', async t => {
  const metadata = field(
    1,
    field(1, 'web'),
    field(2, ''),
    field(3, 'shop'),
    number(7, 0),
    field(8),
    field(11, field(1, 'a'), field(2, 'b')),
  )
  const port = field(
    1,
    field(1, 'http'),
    field(2, 'TCP'),
    number(3, 80),
    field(4, number(1, 1), number(2, 0), field(3, 'web')),
    number(5, 0),
  )
  const other = field(1, field(1, 'x'), number(3, 81), field(4, number(1, 0), number(2, 8081), field(3, '')))
  const spec = field(
    2,
    port,
    other,
    field(2, field(1, 'app'), field(2, '')),
    field(3, ''),
    field(4, 'ClusterIP'),
    number(13, 0),
    number(20, 0),
  )
  t.same(parseProtobuf(envelope('v1', 'Service', metadata, spec, field(3, field(1)))), {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'shop', labels: { a: 'b' } },
    spec: {
      ports: [
        { name: 'http', protocol: 'TCP', port: 80, targetPort: 'web' },
        { name: 'x', port: 81, targetPort: 8081 },
      ],
      selector: { app: '' },
      type: 'ClusterIP',
      // A pointer in Go: false is not absent.
      allocateLoadBalancerNodePorts: false,
    },
  })
})

void t.test('numbers may be negative, and zero where zero means something', async t => {
  const body = envelope('apps/v1', 'Deployment', field(2, number(1, 0), number(5, -3)))
  t.match(parseProtobuf(body), { spec: { replicas: 0, minReadySeconds: -3 } })
})

void t.test('DeleteOptions are read in any version', async t => {
  const body = envelope(
    'policy/v1',
    'DeleteOptions',
    number(1, 0),
    field(2, field(1, 'uid')),
    field(4, 'Orphan'),
    field(5, 'All'),
  )
  t.match(parseProtobuf(body), {
    gracePeriodSeconds: 0,
    preconditions: { uid: 'uid' },
    propagationPolicy: 'Orphan',
    dryRun: ['All'],
  })
})

void t.test('what is not understood is refused, not lost', async t => {
  const table: [name: string, body: Buffer, message: RegExp][] = [
    ['no envelope', Buffer.from('{}'), /does not begin/],
    ['another kind', envelope('v1', 'Secret'), /v1 Secret is known here in JSON only/],
    [
      'an unknown field',
      envelope('v1', 'Namespace', field(9, 'x')),
      /field 9 of Namespace is not known; send it as JSON/,
    ],
    ['a field cut off', envelope('v1', 'Namespace', Buffer.from([0x0a, 0x05, 0x00])), /cut off/],
    ['a number cut off', envelope('v1', 'Namespace', Buffer.from([0x80])), /cut off/],
    ['a wire type of no use', envelope('v1', 'Namespace', Buffer.from([0x0d, 0, 0, 0, 0])), /wire type 5/],
  ]
  for (const [name, body, message] of table) t.throws(() => parseProtobuf(body), { code: 400, message }, name)
  t.same(
    parseProtobuf(envelope('v1', 'Namespace', field(9))),
    { apiVersion: 'v1', kind: 'Namespace' },
    'an empty one is nothing',
  )
})
