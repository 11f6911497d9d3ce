import fc from 'fast-check'
import t from 'tap'
import { type Asked, QUESTION_FUNCTIONS } from '../../../src/plugins/template/environment.ts'
import { type ExpressionOptions, compileExpression, newFrame } from '../../../src/plugins/template/expression.ts'
import { ExpressionSyntaxError } from '../../../src/plugins/template/lexeme.ts'
import { type ExprType, type ExprValue, ExpressionError } from '../../../src/plugins/template/library.ts'
import { Transport } from '../../../src/wire/query.ts'
import { makeQuery, setUpBlock } from '../harness.ts'

const block = setUpBlock('metadata\nkubernetes cluster.local')
const query = makeQuery({
  name: 'WEB.data.svc.cluster.local.',
  client: '10.1.2.3',
  udpSize: 1232,
  dnssecOk: true,
})
const groups = new Map([
  ['0', 'web'],
  ['1', ''],
  ['name', 'w'],
])
const options: ExpressionOptions<Asked> = {
  functions: QUESTION_FUNCTIONS,
  variables: new Map<string, ExprType>([['x', 'any']]),
  compilePattern: text => new RegExp(text),
}

function evaluate(text: string, x?: ExprValue, about = query): ExprValue {
  const frame = newFrame<Asked>({ query: about, block, groups })
  frame.variables.set('x', x)
  return compileExpression(text, options).run(frame)
}

/** What expr-lang 1.17 says, as CoreDNS has it. */
const values: [text: string, value: ExprValue][] = [
  ['1 + 2 * 3 ** 2', 19],
  ['2 ** 3 ** 2', 512],
  ['-2 ** 2', -4],
  ['7 / 2', 3.5],
  ['7 % 4 - 1_000', -997],
  ['0xff + 1e2', 355],
  [`'a' + "b" + \`c\``, 'abc'],
  [String.raw`'\x41\u0042\n\'' + "\""`, 'AB\n\'"'],
  ['not true or true', true],
  ['!(true || false) && x', false],
  ['false and x.y', false],
  ['true or x.y', true],
  ["'a' == 'a' and 1 != 2 and nil == x", true],
  ["1 < 2 and 'a' <= 'b' and 3 >= 3 and not (2 > 3)", true],
  ["type() in ['A', 'AAAA']", true],
  ["type() not in ['A', 'AAAA']", false],
  ["'k' in {k: 1, 'l': 2}", true],
  ["name() matches '^web\\\\..*\\\\.local\\\\.$'", true],
  ["name() not matches 'web'", false],
  ["name() contains 'data' and name() startsWith 'web' and name() endsWith '.'", true],
  ['1..4', [1, 2, 3, 4]],
  ['2..1', []],
  ['x ?? 5', 5],
  ["type() == 'A' ? 'four' : 'six'", 'four'],
  ["{a: {b: 'c'}}.a.b", 'c'],
  ['[1, 2, 3,][-1] + [4][0]', 7],
  ["'abcdef'[1:3] + 'abcdef'[4:] + 'abcdef'[:1]", 'bcefa'],
  ['name() | upper() | split(".") | first()', 'WEB'],
  ['any([1, 2], # > 1)', true],
  ['all([1, 2], {# > 1})', false],
  ['none([1, 2], # > 2) and one([1, 2], # > 1)', true],
  ['filter(1..5, # % 2 == 1)', [1, 3, 5]],
  ['count(1..5, # > 3)', 2],
  ['find(1..5, # > 3)', 4],
  ["map(['a', 'b'], upper(#))", ['A', 'B']],
  ["any(['10.0.0.0/8', 'fd00::/8'], incidr(client_ip(), #))", true],
  ["incidr('fd00::1', '10.0.0.0/8')", false],
  ["replace('1-2-3', '-', '.')", '1.2.3'],
  ["trim(' a ') + trim('xax', 'x') + trimPrefix('ab', 'a') + trimSuffix('ab', 'b')", 'aaba'],
  ["join(['a', 'b'], ',') + join([1, 2])", 'a,b12'],
  ["indexOf('abab', 'b') + lastIndexOf('abab', 'b')", 4],
  ["hasPrefix('ab', 'a') and hasSuffix('ab', 'b')", true],
  ["len('äb') + len([1]) + len({a: 1})", 4],
  ["repeat('ab', 2) + lower('C')", 'ababc'],
  ['last([1, 2]) + max(3, 4) + min([5, 6]) + sum([1, 2]) + abs(-1)', 15],
  ['first([])', undefined],
  ["int('42') + int(2.9) + float('0.5') + round(1.5) + floor(1.9) + ceil(1.1)", 49.5],
  ["string(1.5) + string([1, 'a']) + string(true)", '1.5[1 a]true'],
  ['reverse([1, 2])', [2, 1]],
  ['keys({a: 1}) | join()', 'a'],
  ['values({a: 1})', [1]],
  ["group(0) + group('name') + group('none') + group(1)", 'webw'],
  ['client_ip() + " " + port() + " " + proto() + " " + class() + " " + server_port()', '10.1.2.3 40212 udp IN 53'],
  ['[size(), id(), opcode(), bufsize()]', [55, 4242, 0, 1232]],
  ['do()', true],
  ["metadata('kubernetes/namespace') + metadata('no/label')", 'data'],
]

void t.test('an expression has its value', async t => {
  for (const [text, value] of values) t.strictSame(evaluate(text), value, text)
})

void t.test('over TCP there is room for everything', async t => {
  const about = makeQuery({ transport: Transport.TCP, client: '2001:db8::1' })
  t.strictSame(evaluate('[proto(), bufsize(), client_ip()]', undefined, about), ['tcp', 65_535, '2001:db8::1'])
})

const mistakes: [text: string, offset: number, message: RegExp][] = [
  ['', 0, /^a value is missing/],
  ['1 +', 3, /^a value is missing/],
  ['1 2', 2, /^unexpected '2'/],
  ['(1', 2, /^'' in place of '\)'/],
  ['[1 2]', 3, /^'2' in place of ','/],
  ['name', 0, /^'name' is a function: name\(\)/],
  ['nobody()', 0, /^'nobody' is no function; there are name, type, /],
  ['1 + reduce([1], #acc + #)', 4, /^the function 'reduce' is not supported/],
  ['constructor', 0, /^'constructor' is not known/],
  ['constructor()', 0, /^'constructor' is no function/],
  ['name(1)', 0, /^name\(\) takes 0 arguments and not 1/],
  ["incidr('a')", 0, /^incidr\(\) takes 2 arguments and not 1/],
  ['lower(1)', 0, /^a number in place of a string/],
  ["name() + 1 == 'a' and 1", 18, /^a number in place of a bool/],
  ['name() == 1', 7, /^a number in place of a string/],
  ['not name()', 0, /^a string in place of a bool/],
  ['-name()', 0, /^a string in place of a number/],
  ['# == 1', 0, /^'#' stands in a predicate only/],
  ['any(1, true)', 4, /^a number in place of a array/],
  ['name() matches type()', 7, /^'matches' takes a text in quotes/],
  ["name() matches 'a' + 'b'", 7, /^'matches' takes a text in quotes/],
  ["'a", 0, /^''' is not understood/],
  ["'\\q'", 0, /^'\\q' is no escape/],
  ['1 ; 2', 2, /^';' is not understood/],
  ['let y = 1; y', 6, /^'=' is not understood/],
  ['9007199254740993', 0, /is too large/],
  ['1 ? 2 : 3', 2, /^a number in place of a bool/],
  ['1 | 2', 4, /^a function has to stand behind/],
  ['{1: 2}', 1, /^'1' is no key/],
  ['('.repeat(1000), 100, /^too deep/],
  ['!'.repeat(1000), 100, /^too deep/],
]

void t.test('what is no expression is told with its place', async t => {
  for (const [text, offset, message] of mistakes) {
    try {
      compileExpression(text, options)
      t.fail(`no mistake in ${text}`)
    } catch (error) {
      t.ok(error instanceof ExpressionSyntaxError, String(error))
      t.match((error as Error).message, message, text)
      t.equal((error as ExpressionSyntaxError).offset, offset, text)
    }
  }
})

const failures: [text: string, x: ExprValue, message: RegExp][] = [
  ["incidr(x, '10.0.0.0/8')", '300.0.0.1', /'300\.0\.0\.1' is no address/],
  ['incidr(client_ip(), x)', '10.0.0.0', /'10\.0\.0\.0' is no network/],
  ['x + 1', 'a', /^\+ takes two numbers or two texts/],
  ['x and true', 1, /^a number in place of a bool/],
  ['x.y', undefined, /^a nil in place of a map/],
  ['x[1]', [1], /^index out of range: 1/],
  ['x % 2', 1.5, /1\.5 % 2/],
  ['x < 1', 'a', /ordered/],
  ['x == [1]', [1], /^lists are not compared/],
  ['int(x)', 'a', /a is no whole number/],
  ['1..x', 1e9, /^a range becomes too long/],
  ["repeat('a', x)", 1e9, /^repeat 1000000000 times/],
  ["replace(x, '', x)", 'a'.repeat(60_000), /^replace makes too much/],
  ['x + x', 'a'.repeat(60_000), /too long/],
  ['join(map(1..4000, x))', 'a'.repeat(60_000), /too long/],
  ['string(map(1..4000, x))', 'a'.repeat(60_000), /too long/],
  ["split(x, '')", 'a'.repeat(60_000), /too long/],
  ['all(1..4000, all(1..4000, # > 0))', 1, /^more than 20000 steps/],
]

void t.test('what has no value for this question, or would take long, says so', async t => {
  for (const [text, x, message] of failures) {
    t.throws(() => evaluate(text, x), { name: 'ExpressionError', message }, text)
  }
})

void t.test('whatever is written, it is a value, a mistake or a failure', async t => {
  const words = [
    ...Array.from('()[]{},|#.?:+-*/%^<>!'),
    '..',
    '??',
    'not',
    'in',
    'and',
    'or',
    'x',
    '1',
    "'a'",
    'any',
    'map',
    'len',
    'name',
    'true',
    'nil',
    'matches',
    ' ',
  ]
  const property = fc.property(fc.array(fc.constantFrom(...words), { maxLength: 12 }), parts => {
    try {
      evaluate(parts.join(' '), 'x')
    } catch (error) {
      if (!(error instanceof ExpressionSyntaxError) && !(error instanceof ExpressionError)) throw error
    }
  })
  t.doesNotThrow(() => fc.assert(property))
})
