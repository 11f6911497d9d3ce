import t from 'tap'
import { type TemplateData, compileTemplate } from '../../../src/plugins/template/gotemplate.ts'

const data: TemplateData = {
  Zone: 'example.',
  Name: 'ip-10-1.example.',
  Class: 'IN',
  Type: 'A',
  Regex: '^ip',
  Remote: '192.0.2.1',
  Match: ['ip-10-1', '10', ''],
  Group: new Map([
    ['0', 'ip-10-1'],
    ['1', '10'],
    ['a', '10'],
    ['hex', 'ff'],
    ['none', ''],
  ]),
  Var: new Map<string, string | bigint>([
    ['ip', '10.0.0.1'],
    ['n', 7n],
  ]),
  Question: { Name: 'IP-10-1.example.', Qtype: 1n, Qclass: 1n },
  Message: {
    Id: 7n,
    Response: false,
    Opcode: 0n,
    Authoritative: false,
    Truncated: false,
    RecursionDesired: true,
    RecursionAvailable: false,
    AuthenticatedData: false,
    CheckingDisabled: false,
    Rcode: 0n,
  },
  Meta: label => (label === 'kubernetes/namespace' ? 'data' : ''),
}

/** What Go's text/template prints for the same. */
const cases: [template: string, text: string][] = [
  ['', ''],
  ['no action { } }}', 'no action { } }}'],
  ['{{.Name}} 60 {{ .Class }}', 'ip-10-1.example. 60 IN'],
  ['{{ $.Zone }}', 'example.'],
  ['{{ .Group.a }}.{{ .Group.missing }}', '10.<no value>'],
  ['{{ index .Match 1 }}{{ index .Match 2 }}', '10'],
  ['{{ index .Group "a" }}{{ index .Group "missing" }}', '10'],
  ['{{ .Match }} {{ .Group }}', '[ip-10-1 10 ] map[0:ip-10-1 1:10 a:10 hex:ff none:]'],
  ['{{ parseInt .Group.hex 16 8 }}', '255'],
  ['{{ .Group.hex | printf "%s-%s" "x" }}', 'x-ff'],
  ['{{ parseInt .Group.a 10 64 | printf "%04d|%-4d|%x|%X|%b|%o|%4d" 1 2 250 250 5 8 }}', '0001|2   |fa|FA|101|10|  10'],
  ['{{ printf "%02x%%" (parseInt "9" 0 8) }}', '09%'],
  ['{{ printf "%v %q %t %.2s" .Match "a" true "abc" }}', '[ip-10-1 10 ] "a" true ab'],
  ['{{ printf "%d" }}', '%!d(MISSING)'],
  ['{{ parseInt "0x1f" 0 64 }} {{ parseInt "0b11" 0 8 }} {{ parseInt "017" 0 8 }} {{ parseInt "0" 0 8 }}', '31 3 15 0'],
  ['{{ parseInt "18446744073709551615" 10 64 }}', '18446744073709551615'],
  ['{{ len .Name }} {{ len .Match }} {{ slice .Name 3 5 }}', '16 3 10'],
  ['{{ if .Group.a }}yes{{ else }}no{{ end }}', 'yes'],
  ['{{ if .Group.none }}yes{{ else }}no{{ end }}', 'no'],
  ['{{ if eq .Type "AAAA" }}6{{ else if eq .Type "A" "MX" }}4{{ else }}?{{ end }}', '4'],
  ['{{ if and (eq .Type "A") (not .Group.none) }}both{{ end }}', 'both'],
  ['{{ if or .Group.none .Group.missing }}x{{ end }}.', '.'],
  ['{{ if .Message.RecursionDesired }}{{ if eq .Question.Qtype 1 }}A{{ end }}{{ end }}', 'A'],
  [
    '{{ if lt 1 2 }}a{{ end }}{{ if ge 2 2 }}b{{ end }}{{ if gt "b" "a" }}c{{ end }}{{ if le 3 2 }}d{{ end }}{{ if ne 1 2 }}e{{ end }}',
    'abce',
  ],
  ['a  {{- .Type -}}  b {{ .Type -}} c', 'aAb Ac'],
  ['a {{- /* gone }} */ -}} b{{/* too */}}', 'ab'],
  ['{{ "quoted }}" }}{{ `raw\\n` }}', 'quoted }}raw\\n'],
  ['{{ .Meta "kubernetes/client-namespace" }}.', '.'],
  ['{{ .Var.ip }} {{ printf "%03d" .Var.n }} {{ .Var.none }}', '10.0.0.1 007 <no value>'],
  ['{{ .Meta "kubernetes/namespace" | printf "%s.%s" "a" }}', 'a.data'],
  ['{{ print 1 2 "a" 3 }}{{ println "x" 1 }}', '1 2a3x 1\n'],
  ['{{ .Question.Name }} {{ .Message.Id }} {{ .Remote }} {{ .Regex }}', 'IP-10-1.example. 7 192.0.2.1 ^ip'],
]
for (const [template, text] of cases) {
  void t.test(template || 'nothing', async t => {
    t.equal(compileTemplate(template)(data), text)
  })
}

const failures: [template: string, message: string][] = [
  ['{{ parseInt .Name 10 8 }}', 'parsing "ip-10-1.example.": invalid syntax'],
  ['{{ parseInt "256" 10 8 }}', 'parsing "256": value out of range'],
  ['{{ parseInt "" 10 8 }}', 'parsing "": invalid syntax'],
  ['{{ parseInt "1" 37 8 }}', 'parsing "1": invalid base 37'],
  ['{{ parseInt "1" 10 65 }}', 'parsing "1": invalid bit size 65'],
  ['{{ parseInt "1" }}', 'parseInt takes a text, a base and a number of bits'],
  ['{{ index .Match 9 }}', 'index out of range: 9'],
  ['{{ index .Name 1 }}', 'index takes .Match with a number, or .Group with a name'],
  ['{{ if eq .Type 1 }}{{ end }}', 'incompatible types for comparison'],
  ['{{ slice .Name 9 3 }}', 'index out of range'],
  ['{{ printf "%d" .Name }}', 'printf: %d of ip-10-1.example.'],
  ['{{ len 1 }}', 'len of 1'],
]
for (const [template, message] of failures) {
  void t.test(`cannot be executed: ${template}`, async t => {
    const execute = compileTemplate(template)
    t.throws(() => execute(data), { name: 'TemplateError', message })
  })
}

const mistakes: [template: string, offset: number, message: RegExp][] = [
  ['{{', 0, /without '\}\}'/],
  ['a {{ .Name }', 2, /without '\}\}'/],
  ['{{ }}', 0, /an action without anything in it/],
  ['{{ .Nam }}', 3, /^'\.Nam' is not supported; there are \.Zone, \.Name/],
  ['{{ .Name.x }}', 3, /^'\.Name\.x' is not supported/],
  ['{{ .Question.Foo }}', 3, /^'\.Question\.Foo' is not supported/],
  ['{{ .Message }}', 3, /^'\.Message' is not supported/],
  ['{{ . }}', 3, /^'\.' is not supported/],
  ['{{ .Var }}', 3, /^'\.Var' is not supported/],
  ['{{ $x := 1 }}', 3, /^'\$x' is not supported/],
  ['{{ with .Name }}{{ end }}', 3, /^'with' is not supported/],
  ['x{{ template "a" }}', 4, /^'template' is not supported/],
  ['{{ upper .Name }}', 3, /^'upper' is no function; there are parseInt,/],
  ['{{ .Name 1 }}', 9, /^unexpected '1'/],
  ['{{ 1 | .Name }}', 7, /^'\.Name' is no function, and takes no argument/],
  ['{{ len len }}', 7, /^'len' stands in parentheses here/],
  ['{{ (len .Name }}', 3, /^'\(' without '\)'/],
  ['{{ len .Name ) }}', 13, /^unexpected '\)'/],
  ['{{ len .Name | }}', 0, /^a value is missing/],
  ['{{ if .Name }}x', 15, /^'if' without 'end'/],
  ['{{ if .Name }}x{{ else }}y', 26, /^'else' without 'end'/],
  ['{{ if .Name }}{{ else }}{{ else }}{{ end }}', 24, /^'else' behind 'else'/],
  ['{{ end }}', 0, /^'end' without 'if'/],
  ['{{ "\\q" }}', 3, /is no text/],
]
for (const [template, offset, message] of mistakes) {
  void t.test(`refused: ${template}`, async t => {
    t.throws(() => compileTemplate(template), { name: 'TemplateSyntaxError', offset, message })
  })
}
