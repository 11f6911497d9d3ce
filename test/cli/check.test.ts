import t from 'tap'
import { readDifferences } from '../../src/cli/differences.ts'
import { FOREIGN_DIRECTIVES } from '../../src/plugins/coredns.ts'
import { PLUGINS } from '../../src/plugins/order.ts'
import { Command, PROGRAM } from './command.ts'

void t.test('`check` tells what the plugins of the Corefile do otherwise than in CoreDNS, each once', async t => {
  const corefile = 'a.test {\n    health\n    whoami\n}\nb.test {\n    health :8081\n    rewrite name a b\n}\n'
  const cwd = t.testdir({ Corefile: corefile })
  const { code, out, err } = await new Command(t, [PROGRAM, 'check'], { cwd }).ended
  t.same({ code, err }, { code: 0, err: '' })
  const [first, , title, ...lines] = out.trimEnd().split('\n')
  t.equal(first, 'Corefile: ok, serves a.test.:53 b.test.:53')
  t.equal(title, 'What differs from CoreDNS, for the plugins that it has:')
  t.same(
    lines.filter(line => !line.startsWith(' ')),
    ['health', 'rewrite'],
  )
  t.ok(lines.includes('  * `lameduck` of a negative duration is an error.'))
})

void t.test('a plugin of CoreDNS that is not here is told from a misspelling', async t => {
  const cwd = t.testdir({ Corefile: '. {\n    errors\n    nomad\n}\n', Typo: '. {\n    errrors\n}\n' })
  const foreign = await new Command(t, [PROGRAM, 'check'], { cwd }).ended
  t.equal(foreign.code, 1)
  t.match(
    foreign.err,
    /^kubezone: Corefile:3:5: CoreDNS has the plugin 'nomad', kubezone does not; expected one of acl, .*\n$/,
  )
  const typo = await new Command(t, [PROGRAM, 'check', 'Typo'], { cwd }).ended
  t.match(typo.err, /^kubezone: Typo:2:5: unknown directive 'errrors' \(did you mean 'errors'\?\); expected one of /)
})

void t.test('every plugin is one of CoreDNS, and its differences are whole sentences on one line', async t => {
  for (const { name } of PLUGINS) {
    t.ok(Object.hasOwn(FOREIGN_DIRECTIVES, name), name)
    for (const difference of readDifferences(name)) t.match(difference, /^[^\n]+[.:)]$/, name)
  }
  t.same(readDifferences('nothing'), [])
})
