import t from 'tap'
import { ApiFault, explainNetworkError, explainStatus, publicAddress } from '../../src/watch/fault.ts'

const asked = {
  verb: 'list',
  resource: 'endpointslices.discovery.k8s.io',
  baseUrl: 'https://api.example:6443',
} as const

for (const [httpStatus, code, message] of [
  [400, 'unsupported', /: 400, not understood: because$/],
  [401, 'unauthorized', /: 401, the credentials were not accepted: is the token or client certificate expired/],
  [
    403,
    'forbidden',
    /: 403, not allowed: because: a ClusterRole must grant the verbs list and watch on endpointslices\.discovery\.k8s\.io$/,
  ],
  [404, 'not-found', /: 404, this server has no such resource: is its CRD installed/],
  [410, 'gone', /: 410, too old: because$/],
  [422, 'unsupported', /: 422/],
  [429, 'busy', /: 429, the server is busy: because$/],
  [500, 'server', /: 500: because$/],
  [503, 'busy', /: 503/],
] as const) {
  void t.test(`a ${httpStatus} says what was asked, where, and what to do`, async t => {
    const fault = explainStatus(httpStatus, { message: 'because' }, asked, 0)
    t.equal(fault.code, code)
    t.match(fault.message, message)
    t.match(fault.message, /^list endpointslices\.discovery\.k8s\.io at https:\/\/api\.example:6443: /)
  })
}

for (const [error, code, message] of [
  ['ECONNREFUSED', 'unreachable', /refuses connections \(ECONNREFUSED\): is the API server running there\?/],
  ['ENOTFOUND', 'unreachable', /has no address \(ENOTFOUND\): check the name/],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate', /is for another name/],
  ['CERT_HAS_EXPIRED', 'certificate', /out of date \(CERT_HAS_EXPIRED\): renew it/],
  [
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'certificate',
    /not signed by a CA given here \(DEPTH_ZERO_SELF_SIGNED_CERT\): give the CA/,
  ],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'certificate', /no TLS with .*: check that it is an https port/],
  ['ECONNRESET', 'unreachable', /failed \(ECONNRESET: it broke\)/],
] as const) {
  void t.test(`${error} is explained in one line, however deep it is wrapped`, async t => {
    const cause = Object.assign(new Error('it broke'), { code: error })
    for (const thrown of [cause, new Error('', { cause }), new AggregateError([cause, cause])]) {
      const fault = explainNetworkError(thrown, 'https://user:secret@api.example:6443/?token=secret')
      t.equal(fault.code, code)
      t.notMatch(fault.message, /secret|\n/)
      if (thrown === cause) t.match(fault.message, message)
    }
  })
}

void t.test('what is explained already stays as it is, and what is no Error is told', async t => {
  const fault = new ApiFault('gone', 'x')
  t.equal(explainNetworkError(fault, 'http://a'), fault)
  t.match(explainNetworkError('odd', 'http://a:1').message, 'the connection to http://a:1 failed (odd)')
})

void t.test("someone else's text is one line of bounded length", async t => {
  t.equal(new ApiFault('server', 'a\n  b\u001b[31m\tc ').message, 'a b [31m c')
  t.ok(new ApiFault('server', 'x'.repeat(10_000)).message.length < 600)
})

void t.test('an address is shown without what may be secret in it', async t => {
  t.equal(publicAddress('https://u:p@host:6443/k8s/clusters/c1/?token=x#y'), 'https://host:6443/k8s/clusters/c1')
  t.equal(publicAddress('nonsense'), '(not a URL)')
})
