import t from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Section } from '../../src/wire/reply.ts'
import { type Question, type TestBlock, ask, askLater, chain, setUp, setUpBlock } from './harness.ts'

const NEXT = 99
const next: Handler = { serve: () => NEXT }

interface Case {
  directive: string
  question: Question
  rcode?: number
  /** Sections as the harness shows them; `next` when the question goes on. */
  sections?: [answer: string[], authority: string[], additional: string[]] | 'next'
}

const IP = 'match "^ip-(?P<a>[0-9]*)-(?P<b>[0-9]*)-(?P<c>[0-9]*)-(?P<d>[0-9]*)[.]example[.]$"'
const ADDRESS = 'answer "{{ .Name }} 60 IN A {{ .Group.a }}.{{ .Group.b }}.{{ .Group.c }}.{{ .Group.d }}"'

/** The example of CoreDNS's README. */
const PRIVATE = `template IN A example.com {
  match ^(?P<ip>[0-9]{1,3}(-[0-9]{1,3}){3})[.](?P<id>[a-z2-7]{26})[.]example[.]com[.]$
  var ip replace(group('ip'), '-', '.')
  expr "any(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'], incidr(ip, #))"
  answer "{{ .Name }} 60 IN A {{ .Var.ip }}"
  fallthrough
}`
const ID = 'abcdefghijklmnopqrstuvwxyz'

const cases: Case[] = [
  {
    directive: PRIVATE,
    question: { name: `10-1-2-3.${ID}.Example.com.` },
    sections: [[`10-1-2-3.${ID}.example.com. 60 A 10.1.2.3`], [], []],
  },
  { directive: PRIVATE, question: { name: `8-8-8-8.${ID}.example.com.` }, sections: 'next' },
  { directive: PRIVATE, question: { name: `310-1-2-3.${ID}.example.com.` }, rcode: Rcode.SERVFAIL },
  {
    directive: `template IN A {
      var n 6 * 7
      var half n / 4
      var parts split(name(), '.')
      answer "a. {{ .Var.n }} A 10.0.0.{{ len .Var.parts }}" "a. 1 TXT '{{ .Var.half }} {{ printf \`%x\` .Var.n }}'"
    }`.replaceAll('\\`', '`'),
    question: { name: 'a.b.' },
    sections: [
      [
        'a. 42 A 10.0.0.3',
        `a. 1 TXT ${Buffer.from("\u0005'10.5").toString('hex')}${Buffer.from("\u00032a'").toString('hex')}`,
      ],
      [],
      [],
    ],
  },
  { directive: "template IN A {\nexpr type() == 'AAAA'\nanswer broken\n}", question: {}, rcode: Rcode.SERVFAIL },
  { directive: 'template IN A {\nexpr 1\nanswer broken\nfallthrough\n}', question: {}, sections: 'next' },
  {
    directive: `template IN A example {\n${IP}\n${ADDRESS}\n}`,
    question: { name: 'IP-10-95-12-8.example.' },
    sections: [['ip-10-95-12-8.example. 60 A 10.95.12.8'], [], []],
  },
  {
    directive: `template IN A example {\n${IP}\n${ADDRESS}\n}`,
    question: { name: 'x.example.' },
    rcode: Rcode.SERVFAIL,
  },
  {
    directive: `template IN A example {\n${IP}\n${ADDRESS}\nfallthrough\n}`,
    question: { name: 'x.example.' },
    sections: 'next',
  },
  {
    directive: `template IN A example {\n${IP}\n${ADDRESS}\nfallthrough a.example\n}`,
    question: { name: 'x.example.' },
    rcode: Rcode.SERVFAIL,
  },
  {
    directive: `template IN A example {\n${IP}\n${ADDRESS}\nfallthrough a.example\n}`,
    question: { name: 'x.a.example.' },
    sections: 'next',
  },
  { directive: `template IN A example {\n${ADDRESS}\n}`, question: { name: 'example.org.' }, sections: 'next' },
  {
    directive: `template IN A example {\n${ADDRESS}\n}`,
    question: { name: 'a.example.', type: Type.MX },
    sections: 'next',
  },
  { directive: 'template CH A {\nrcode NXDOMAIN\n}', question: {}, sections: 'next' },
  { directive: 'template ANY ANY {\nrcode NXDOMAIN\n}', question: { type: Type.TXT }, rcode: Rcode.NXDOMAIN },
  {
    directive: 'template ANY ANY {\nanswer "{{ .Name }} 1 IN TXT \'{{ .Type }}\'"\n}',
    question: { name: 'a.', type: 65_280 },
    sections: [[`a. 1 TXT ${Buffer.from("\u0002''").toString('hex')}`], [], []],
  },
  { directive: 'template IN AAAA {\nrcode NOERROR\n}', question: { type: Type.AAAA }, sections: [[], [], []] },
  { directive: 'template IN A {\nrcode SERVFAIL\nanswer "broken"\n}', question: {}, rcode: Rcode.SERVFAIL },
  {
    directive:
      'template IN A {\nmatch "^a[.]" "^w(ww)[.](.*)$"\nanswer "{{ .Name }} 5 CNAME {{ index .Match 1 }}.{{ index .Match 2 }}"\n}',
    question: { name: 'www.example.org.', type: Type.ANY },
    sections: [['www.example.org. 5 CNAME ww.example.org.'], [], []],
  },
  {
    directive: `template IN MX example {
      additional "{{ .Name }} 60 IN A 10.0.0.1" "ns0.example. 60 IN A 203.0.113.8"
      authority "example. 60 IN NS ns0.example."
      authority "example. 60 IN NS ns1.example."
      answer "{{ .Name }} 60 IN MX 10 {{ .Name }}"
    }`,
    question: { name: 'mail.example.', type: Type.MX },
    sections: [
      ['mail.example. 60 MX 10 mail.example.'],
      ['example. 60 NS ns0.example.', 'example. 60 NS ns1.example.'],
      ['mail.example. 60 A 10.0.0.1', 'ns0.example. 60 A 203.0.113.8'],
    ],
  },
  {
    directive: 'template IN A example a.example {\nanswer "{{ .Name }} 60 {{ .Class }} MX 1 {{ .Zone }}"\n}',
    question: { name: 'x.a.example.' },
    sections: [['x.a.example. 60 MX 1 a.example.'], [], []],
  },
  {
    directive:
      'template IN A {\nmatch "^ip0a(?P<b>[a-f0-9]{2})"\nanswer "{{ .Name }} 1 A 10.{{ parseInt .Group.b 16 8 }}.0.1"\n}',
    question: { name: 'ip0a7b.example.' },
    sections: [['ip0a7b.example. 1 A 10.123.0.1'], [], []],
  },
  {
    directive:
      'template IN A {\nanswer "{{ .Question.Name }} 1 A {{ .Remote }}"\nanswer\t"x. {{ .Message.Id }} A 10.0.0.1"\n}',
    question: { name: 'Example.ORG.', client: '192.0.2.7' },
    sections: [['Example.ORG. 1 A 192.0.2.7', 'x. 4242 A 10.0.0.1'], [], []],
  },
  {
    directive: 'template IN A {\nmatch "(?i)^A[.]"\nupstream\nanswer "a. A 10.0.0.1"\n}',
    question: { name: 'a.' },
    sections: [['a. 3600 A 10.0.0.1'], [], []],
  },
]

for (const { directive, question, rcode = Rcode.NOERROR, sections = [[], [], []] } of cases) {
  void t.test(`${directive.replaceAll(/\s+/g, ' ')}: ${JSON.stringify(question)}`, async t => {
    const block = setUpBlock(directive)
    const answer = ask(chain(block, next), question)
    if (sections === 'next') {
      t.equal(answer.rcode, NEXT)
      return
    }
    t.equal(answer.rcode, rcode)
    t.same(answer.sections, sections)
    t.equal(answer.reply.authoritative, rcode !== Rcode.SERVFAIL)
    t.equal(block.chain[answer.reply.author], 'template')
  })
}

void t.test('the zones of the server block are the default, and templates are asked one after the other', async t => {
  const [block] = setUp(`example {
    template IN A {
        match ^a
        answer "{{ .Name }} 1 A 10.0.0.1"
        fallthrough
    }
    template IN A {
        match ^b
        answer "{{ .Name }} 1 A 10.0.0.2"
    }
}`)
  const handler = chain(block, next)
  t.same(ask(handler, { name: 'a.example.' }).sections[0], ['a.example. 1 A 10.0.0.1'])
  t.same(ask(handler, { name: 'b.example.' }).sections[0], ['b.example. 1 A 10.0.0.2'])
  t.equal(ask(handler, { name: 'c.example.' }).rcode, Rcode.SERVFAIL)
  t.equal(ask(handler, { name: 'a.org.' }).rcode, NEXT)
})

void t.test('ederror is in OPT', async t => {
  const block = setUpBlock('template IN A {\nrcode NXDOMAIN\nederror 21 "Blocked"\n}')
  const { reply, query, rcode } = ask(chain(block, next), { udpSize: 1232 })
  const end = reply.start + reply.finish(query, rcode)
  t.equal(reply.bytes.toString('hex', end - 15, end), `000d000f00090015${Buffer.from('Blocked').toString('hex')}`)
})

/** Answers what the server itself is asked. */
function resolveWith(block: TestBlock, serve: Handler['serve']): void {
  block.resolver = { serve }
}

const ALIAS = 'template IN ANY foogle.com {\nanswer "foogle.com 60 IN CNAME google.com"\n}'

void t.test('what the server knows of the target of a CNAME comes along', async t => {
  for (const isLate of [false, true]) {
    const block = setUpBlock(ALIAS)
    resolveWith(block, (_, reply) => {
      reply.addRecord(Section.Answer, Type.A, 7, Uint8Array.of(192, 0, 2, 1))
      reply.addRecord(Section.Additional, Type.A, 7, Uint8Array.of(192, 0, 2, 2))
      return isLate ? Promise.resolve(Rcode.NOERROR) : Rcode.NOERROR
    })
    const question = { name: 'foogle.com.' }
    const handler = chain(block, next)
    const { rcode, sections } = isLate ? await askLater(handler, question) : ask(handler, question)
    t.equal(rcode, Rcode.NOERROR)
    t.same(sections, [['foogle.com. 60 CNAME google.com.', 'google.com. 7 A 192.0.2.1'], [], []])
    t.same(ask(handler, { ...question, type: Type.MX }).sections[0], ['foogle.com. 60 CNAME google.com.'])
  }
})

void t.test('a target that nobody answers leaves the CNAME', async t => {
  const block = setUpBlock(ALIAS)
  resolveWith(block, () => Promise.reject(new Error('gone')))
  const { rcode, sections } = await askLater(chain(block, next), { name: 'foogle.com.' })
  t.equal(rcode, Rcode.NOERROR)
  t.same(sections[0], ['foogle.com. 60 CNAME google.com.'])
})

void t.test('what cannot be made into a record is SERVFAIL, counted and logged', async t => {
  const block = setUpBlock(`errors
template IN A {
  match ^(?P<a>\\w+)
  answer "{{ .Name }} 60 IN A {{ .Group.a }}"
}
template IN MX {
  answer "{{ .Name }} 60 IN MX {{ parseInt .Name 10 8 }} ."
}`)
  const handler = chain(block, next)
  t.equal(ask(handler, { name: 'x.example.' }).rcode, Rcode.SERVFAIL)
  t.equal(ask(handler, { name: 'x.example.', type: Type.MX }).rcode, Rcode.SERVFAIL)
  t.same(block.process.lines, [
    "error plugin/errors: 2 x.example. A: dns: column 20: 'x' is not an IPv4 address in 'x.example. 60 IN A x'",
    'error plugin/errors: 2 x.example. MX: template: answer: parsing "x.example.": invalid syntax',
  ])
  const page = block.process.metrics.render()
  t.match(page, /^coredns_template_matches_total\{class="IN",server="dns:\/\/:53",type="A",view="",zone="."\} 1$/m)
  t.match(
    page,
    /^coredns_template_rr_failures_total\{class="IN",section="answer",.*template="\{\{ .Name \}\} 60 IN A .*\} 1$/m,
  )
  t.match(page, /^coredns_template_template_failures_total\{class="IN",section="answer",.*type="MX".*\} 1$/m)
})

const mistakes: [directive: string, message: RegExp][] = [
  ['template', /^Corefile:2:1: nothing after 'template'; expected a class such as IN, or ANY/],
  ['template IN', /^Corefile:2:10: nothing after 'IN'; expected a record type/],
  ['template XX A', /^Corefile:2:10: 'XX' is not known; expected a class/],
  ['template IN FOO', /^Corefile:2:13: 'FOO' is not known; expected a record type/],
  ['template IN A {\n mach x\n}', /^Corefile:3:2: unknown property 'mach' \(did you mean 'match'\?\)/],
  ['template IN A {\n match\n}', /^Corefile:3:2: nothing after 'match'; expected a regular expression/],
  ['template IN A {\n match (\n}', /^Corefile:3:8: /],
  ['template IN A {\n match ^(?!x)\n}', /^Corefile:3:8: /],
  ['template IN A {\n answer\n}', /^Corefile:3:2: nothing after 'answer'; expected a record/],
  ['template IN A {\n answer "{{ .Name "\n}', /^Corefile:3:10: '\{\{' without '\}\}'; expected a template of Go/],
  ['template IN A {\n answer "a {{ .Nam }}"\n}', /^Corefile:3:15: '\.Nam' is not supported; there are \.Zone, \.Name/],
  ['template IN A {\n answer "x\n{{ range .Match }}{{ end }}"\n}', /^Corefile:4:4: 'range' is not supported/],
  ['template IN A {\n rcode\n}', /^Corefile:3:2: nothing after 'rcode'/],
  ['template IN A {\n rcode NOPE\n}', /^Corefile:3:8: 'NOPE' is not known; expected a response code/],
  ['template IN A {\n ederror x\n}', /^Corefile:3:10: bad value 'x'/],
  ['template IN A {\n ederror 65536\n}', /^Corefile:3:10: /],
  ['template IN A {\n ederror 1 a b\n}', /^Corefile:3:14: /],
  ['template IN A {\n var x\n}', /^Corefile:3:6: nothing after 'x'; expected an expression/],
  ['template IN A {\n var 1x 1\n}', /^Corefile:3:6: '1x' is no name of a variable/],
  ['template IN A {\n var len 1\n}', /^Corefile:3:6: the name 'len' is taken/],
  ['template IN A {\n var true 1\n}', /^Corefile:3:6: the name 'true' is taken/],
  ['template IN A {\n var type 1\n}', /^Corefile:3:6: the name 'type' is taken/],
  ['template IN A {\n var x 1\n var x 2\n}', /^Corefile:4:6: the name 'x' is taken/],
  ['template IN A {\n var x y\n var y 2\n}', /^Corefile:3:8: 'y' is not known here/],
  ['template IN A {\n expr\n}', /^Corefile:3:2: nothing after 'expr'/],
  ['template IN A {\n expr name() ==   nome()\n}', /^Corefile:3:19: 'nome' is no function; there are name, /],
  ['template IN A {\n expr "name() ==\n  nome()"\n}', /^Corefile:4:3: 'nome' is no function/],
  ['template IN A {\n expr sortBy([1], #)\n}', /^Corefile:3:7: the function 'sortBy' is not supported/],
  ["template IN A {\n expr name() matches  '(?=a)'\n}", /^Corefile:3:23: '\(\?=' is not in the syntax of RE2/],
]
for (const [directive, message] of mistakes) {
  void t.test(`refused: ${directive.replaceAll('\n', ' ')}`, async t => {
    t.throws(() => setUpBlock(directive), message)
  })
}
