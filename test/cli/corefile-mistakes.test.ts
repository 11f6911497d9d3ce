import t from 'tap'
import { type Mistake, kubernetes, makeMistakes } from './mistaken.ts'

const mistakes: Record<string, Mistake> = {
  'a Corefile that is missing': {
    files: {},
    args: '-conf none',
    err: "the Corefile 'none': there is no such file",
  },
  'a Corefile that is a directory': {
    files: { Corefile: {} },
    args: '-quiet',
    err: "the Corefile 'Corefile': it is a directory",
  },
  'a Corefile with a mistake': {
    files: { Corefile: '. {\n    bind 127.0.0.1\n    health {\n        lameduck soon\n    }\n}\n' },
    args: '-p 0',
    err: /^Corefile:4:18: .*'soon'.*; expected .*/,
  },
  'a Corefile that ends too early': {
    files: { Corefile: '. {\n    whoami\n' },
    args: '-p 0',
    err: /^Corefile:\d+:\d+: .*; expected .*/,
  },
  'an unknown directive': {
    files: { Corefile: '. {\n    bind 127.0.0.1\n    foward . 192.0.2.1\n}\n' },
    args: '-p 0',
    err: /^Corefile:3:5: unknown directive 'foward' \(did you mean 'forward'\?\); expected one of .*bind, .*, whoami$/,
  },
  'a zone that two blocks have': {
    files: { Corefile: 'a.test {\n    whoami\n}\na.test {\n    whoami\n}\n' },
    args: '-p 0',
    err: /^Corefile:4:1: .*a\.test.*; expected .*/,
  },
  'a scheme that is not served': {
    files: { Corefile: 'tls://a.test {\n    whoami\n}\n' },
    args: '-p 0',
    err: 'Corefile:1:1: tls:// is not served by this version; expected dns:// or no scheme',
  },
  'a Corefile to check that is missing': {
    files: {},
    args: 'check',
    err: "the Corefile 'Corefile': there is no such file",
  },
  'an unknown property, to check': {
    files: { Corefile: kubernetes('pod insecure') },
    args: 'check Corefile',
    err: /^Corefile:4:9: .*'pod'.*; expected one of .*pods.*/,
  },
  'a bad argument, to check': {
    files: { Corefile: kubernetes('ttl 3601') },
    args: 'check Corefile',
    err: /^Corefile:4:13: .*3601.*; expected .*3600.*/,
  },
  'an import that is missing, to check': {
    files: { Corefile: '. {\n    import none.conf\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:2:12: .*none\.conf.*; expected .*/,
  },
  'a mistake in an imported file, to check': {
    files: { Corefile: '. {\n    import other.conf\n}\n', 'other.conf': 'errors\nwhoareyou\n' },
    args: 'check Corefile',
    err: /^\S*other\.conf:2:1: unknown directive 'whoareyou'; expected .*/,
  },
  'a brace too many, to check': {
    files: { Corefile: '. {\n    whoami\n}\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:4:1: .*; expected .*/,
  },
  'a quote without its end, to check': {
    files: { Corefile: '. {\n    log "a\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:2:9: .*; expected .*/,
  },
  'a zone that is no name, to check': {
    files: { Corefile: 'a..test {\n    whoami\n}\n' },
    args: 'check Corefile',
    err: /^Corefile:1:1: .*a\.\.test.*; expected .*/,
  },
  'a Corefile from standard input, to check': {
    files: {},
    args: 'check stdin',
    err: /^stdin:1:5: unknown directive 'nothing'; expected .*/,
  },
}

void t.test('what a person can mend in a Corefile ends with 1 and one line on standard error', { jobs: 4 }, t =>
  makeMistakes(t, mistakes),
)
