import t from 'tap'
import { type Flags, parseFlags, UsageError } from '../../src/cli/flags.ts'
import { HELP } from '../../src/cli/help.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import { type Ended, kubezone } from './command.ts'

const NONE: Flags = {
  conf: undefined,
  dnsPort: undefined,
  pidfile: undefined,
  plugins: false,
  quiet: false,
  version: false,
  help: false,
  manifests: [],
  kubeconfig: undefined,
  logFormat: 'text',
}

const understood: [args: string, flags: Partial<Flags>][] = [
  ['', {}],
  ['-conf Corefile', { conf: 'Corefile' }],
  ['--conf Corefile', { conf: 'Corefile' }],
  ['-conf=Corefile', { conf: 'Corefile' }],
  ['--conf=a=b', { conf: 'a=b' }],
  ['-conf=', { conf: '' }],
  ['-conf a -conf b', { conf: 'b' }],
  ['-conf -quiet', { conf: '-quiet' }],
  ['-dns.port 1053', { dnsPort: 1053 }],
  ['-dns.port=0', { dnsPort: 0 }],
  ['-p 65535', { dnsPort: 65_535 }],
  ['--p=53', { dnsPort: 53 }],
  ['-p 1 -dns.port 2', { dnsPort: 2 }],
  ['-pidfile /run/pid', { pidfile: '/run/pid' }],
  ['-plugins', { plugins: true }],
  ['-quiet', { quiet: true }],
  ['--quiet=true', { quiet: true }],
  ['-quiet=1 -version=T', { quiet: true, version: true }],
  ['-quiet -quiet=false', {}],
  ['-quiet=0 -plugins=F -version=FALSE', {}],
  ['-version', { version: true }],
  ['-h', { help: true }],
  ['--help', { help: true }],
  ['--manifests a', { manifests: ['a'] }],
  ['--manifests a b/*.yaml c', { manifests: ['a', 'b/*.yaml', 'c'] }],
  ['--manifests=a --manifests b c -quiet', { manifests: ['a', 'b', 'c'], quiet: true }],
  ['--manifests - -quiet', { manifests: ['-'], quiet: true }],
  ['--kubeconfig k', { kubeconfig: 'k' }],
  ['--log-format json', { logFormat: 'json' }],
  ['-log-format=text', {}],
  ['-quiet --', { quiet: true }],
]

void t.test('flags are read with one dash or two, with = or without', t => {
  for (const [args, flags] of understood) {
    t.same(parseFlags(args.split(' ').filter(Boolean)), { ...NONE, ...flags }, args)
  }
  t.end()
})

const refused: [args: string, message: string][] = [
  ['foo', "'foo' is neither a command nor a flag (see --help)"],
  ['-quiet foo', "'foo' is neither a command nor a flag (see --help)"],
  ['-conf a b', "'b' is neither a command nor a flag (see --help)"],
  ['--manifests=a b', "'b' is neither a command nor a flag (see --help)"],
  ['-- -quiet', "'-quiet' is neither a command nor a flag (see --help)"],
  ['-', "'-' is neither a command nor a flag (see --help)"],
  ['--=x', "'--=x' is neither a command nor a flag (see --help)"],
  ['---conf a', "'---conf' is neither a command nor a flag (see --help)"],
  ['-foo', "unknown flag '-foo' (see --help)"],
  ['--foo=bar', "unknown flag '--foo=bar' (see --help)"],
  ['-Conf a', "unknown flag '-Conf' (see --help)"],
  ['-toString', "unknown flag '-toString' (see --help)"],
  ['-__proto__ a', "unknown flag '-__proto__' (see --help)"],
  ['-conf', 'the flag -conf needs a value (see --help)'],
  ['-quiet -pidfile', 'the flag -pidfile needs a value (see --help)'],
  ['--manifests', 'the flag -manifests needs a value (see --help)'],
  ['--manifests -quiet', 'the flag -manifests needs a value (see --help)'],
  ['-quiet=yes', "-quiet 'yes': true or false is expected, or no value"],
  ['-version=toString', "-version 'toString': true or false is expected, or no value"],
  ['-quiet=', "-quiet '': true or false is expected, or no value"],
  ['-p x', "-dns.port 'x': a number from 0 to 65535 is expected"],
  ['-p=', "-dns.port '': a number from 0 to 65535 is expected"],
  ['-dns.port 65536', "-dns.port '65536': a number from 0 to 65535 is expected"],
  ['-dns.port -1', "-dns.port '-1': a number from 0 to 65535 is expected"],
  ['-dns.port 1e3', "-dns.port '1e3': a number from 0 to 65535 is expected"],
  ['--log-format xml', "--log-format 'xml': text or json is expected"],
]

void t.test('what cannot be understood is said in one line', t => {
  for (const [args, message] of refused) {
    t.throws(() => parseFlags(args.split(' ')), new UsageError(message), args)
  }
  t.end()
})

const printed: [args: string[], ended: Partial<Ended> | { out: RegExp }][] = [
  [['-version'], { out: /^kubezone-\d+\.\d+\.\d+\n\w+\/\w+, node v\d+\.\d+\.\d+\n$/ }],
  [['--version', '-conf', 'missing'], { out: /^kubezone-/ }],
  [['--help'], { out: HELP }],
  [['try', '-h'], { out: HELP }],
  [['check', '--help'], { out: HELP }],
  [['fakeapi', '--help'], { out: HELP }],
  [['lookup', '--help'], { out: /^usage: kubezone lookup/ }],
]

void t.test('what is only asked for is printed, and the process ends with 0', async t => {
  for (const [args, expected] of printed) {
    t.match(await kubezone(t, args).ended, { code: 0, err: '', ...expected }, args.join(' '))
  }
})

void t.test('-plugins lists every plugin as CoreDNS does, sorted', async t => {
  const { code, out, err } = await kubezone(t, ['-plugins']).ended
  t.match({ code, err }, { code: 0, err: '' })
  const lines = out.trimEnd().split('\n')
  t.same(lines.slice(0, 8), [
    'Server types:',
    '  dns',
    '',
    'Caddyfile loaders:',
    '  flag',
    '  default',
    '',
    'Other plugins:',
  ])
  const names = lines.slice(8).map(line => line.replace('  dns.', ''))
  t.same(names, PLUGINS.map(({ name }) => name).sort())
})

const misused: [args: string, message: string][] = [
  ['lookpu web', "'lookpu' is neither a command nor a flag (see --help)"],
  ['try again', "'again' is neither a command nor a flag (see --help)"],
  ['-nope', "unknown flag '-nope' (see --help)"],
  ['-dns.port x', "-dns.port 'x': a number from 0 to 65535 is expected"],
  ['check a b', 'usage: kubezone check [Corefile]'],
  ['check -conf', 'usage: kubezone check [Corefile]'],
  ['fakeapi --port x', "--port 'x': a number from 0 to 65535 is expected"],
  ['fakeapi --nope', "fakeapi: Unknown option '--nope' (see --help)"],
  ['fakeapi nope', "'nope' is not a flag of fakeapi (see --help)"],
]

void t.test('a command line that cannot be understood ends with 2 and one line', async t => {
  for (const [args, message] of misused) {
    const ended = await kubezone(t, args.split(' ')).ended
    t.same(ended, { code: 2, signal: null, out: '', err: `kubezone: ${message}\n` }, args)
  }
})
