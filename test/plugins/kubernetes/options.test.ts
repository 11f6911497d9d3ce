// What a person can get wrong in the directive, and what is said of it.

import t from 'tap'
import { CorefileError } from '../../../src/corefile/error.ts'
import { RunningSite } from '../../site/running.ts'

const SELECTOR = "expected a label selector such as 'app=web' or 'tier in (a, b),!legacy'"
const KNOWN =
  'expected one of endpoint, tls, kubeconfig, apiserver_qps, apiserver_burst, apiserver_max_inflight, namespaces, ' +
  'namespace_labels, labels, pods, ptr, endpoint_pod_names, ttl, negative_ttl, max_answers, noendpoints, fallthrough, ignore, multicluster, zonal, topology, startup_timeout, snapshot'
const FILES = 'expected the files of certificate, key and CA: tls CERT KEY CA'

/** What stands in the block, which begins at line 3, column 5, and what is said of it. */
const mistakes: [line: string, message: string][] = [
  ['endpoint', "3:5: nothing after 'endpoint'; expected the URL of an API server"],
  ['tls', `3:5: tls has 0 arguments; ${FILES}`],
  ['tls cert', `3:5: tls has 1 argument; ${FILES}`],
  ['tls cert key', `3:5: tls has 2 arguments; ${FILES}`],
  ['kubeconfig', "3:5: nothing after 'kubeconfig'; expected the path of a kubeconfig file"],
  ['kubeconfig file context more', "3:29: 'more' is one argument too many; expected none"],
  ['apiserver_qps', "3:5: nothing after 'apiserver_qps'; expected requests a second"],
  ['apiserver_qps fast', "3:19: 'fast' is no rate; expected a number of at least 0"],
  ['apiserver_qps -1', "3:19: '-1' is no rate; expected a number of at least 0"],
  ['apiserver_burst', "3:5: nothing after 'apiserver_burst'; expected an integer"],
  ['apiserver_burst -1', "3:21: bad value '-1'; expected an integer of at least 0"],
  ['apiserver_max_inflight x', "3:28: bad value 'x'; expected an integer of at least 0"],
  ['namespaces', "3:5: nothing after 'namespaces'; expected the name of a namespace"],
  ['namespace_labels', "3:5: nothing after 'namespace_labels'; expected a label selector"],
  ['namespace_labels tier in', `3:22: 'tier in' is no label selector; ${SELECTOR}`],
  ['labels', "3:5: nothing after 'labels'; expected a label selector"],
  ['labels =web', `3:12: '=web' is no label selector; ${SELECTOR}`],
  ['labels app=web,', `3:12: 'app=web,' is no label selector; ${SELECTOR}`],
  ['namespaces a\n    namespace_labels b=c', '4:5: namespace_labels beside namespaces; expected one of the two'],
  ['pods', "3:5: nothing after 'pods'; expected one of disabled, insecure, verified"],
  ['pods on', "3:10: 'on' is no pod mode; expected one of disabled, insecure, verified"],
  ['pods verified insecure', "3:19: 'insecure' is one argument too many; expected none"],
  ['pods verified {\n      all\n    }', '4:7: pods has no properties; expected no block'],
  ['endpoint_pod_names yes', "3:24: 'yes' is one argument too many; expected none"],
  ['ptr', "3:5: nothing after 'ptr'; expected one of all, headless, hostname"],
  ['ptr none', "3:9: 'none' is no choice of endpoints; expected one of all, headless, hostname"],
  ['ptr all all', "3:13: 'all' is one argument too many; expected none"],
  [
    'noendpoints\n    ptr all',
    '4:5: ptr beside noendpoints, which leaves no endpoint to point to; expected one of the two',
  ],
  ['negative_ttl', "3:5: nothing after 'negative_ttl'; expected an integer"],
  ['negative_ttl 301', "3:18: bad value '301'; expected an integer from 0 to 300"],
  ['max_answers 0', "3:17: bad value '0'; expected an integer from 1 to 4096"],
  [
    'max_answers 3\n    noendpoints',
    '3:5: max_answers beside noendpoints, which leaves no name with several; expected one of the two',
  ],
  ['ttl', "3:5: nothing after 'ttl'; expected an integer"],
  ['ttl -1', "3:9: bad value '-1'; expected an integer from 0 to 3600"],
  ['ttl 3601', "3:9: bad value '3601'; expected an integer from 0 to 3600"],
  ['ttl 5s', "3:9: bad value '5s'; expected an integer from 0 to 3600"],
  ['noendpoints true', "3:17: 'true' is one argument too many; expected none"],
  ['fallthrough a..b', "3:17: bad zone 'a..b': it has an empty label; expected one dot between labels"],
  ['ignore', "3:5: nothing after 'ignore'; expected empty_service"],
  ['ignore all', "3:12: 'all' cannot be ignored; expected empty_service"],
  ['multicluster', "3:5: nothing after 'multicluster'; expected one or more of the zones of the plugin"],
  [
    'multicluster foo.test',
    "3:18: multicluster zone 'foo.test.' is not a zone of the plugin; expected one of its zones: cluster.local.",
  ],
  ['zonal on', "3:11: 'on' is one argument too many; expected none"],
  [
    'zonal\n    noendpoints',
    '3:5: zonal beside noendpoints, which leaves no endpoint to choose; expected one of the two',
  ],
  ['topology zone', "3:14: 'zone' is one argument too many; expected none"],
  [
    'noendpoints\n    topology',
    '4:5: topology beside noendpoints, which leaves no endpoint to prefer; expected one of the two',
  ],
  ['startup_timeout', "3:5: nothing after 'startup_timeout'; expected a duration such as 5s"],
  ['startup_timeout 5', "3:21: bad value '5'; expected a duration such as 5s, 500ms or 1h30m of at least 0s"],
  ['startup_timeout -1s', "3:21: bad value '-1s'; expected a duration such as 5s, 500ms or 1h30m of at least 0s"],
  ['snapshot', "3:5: nothing after 'snapshot'; expected the path of a file"],
  ['snapshot a 5', "3:16: bad value '5'; expected a duration such as 5s, 500ms or 1h30m from 1s to 24h"],
  ['snapshot a 999ms', "3:16: bad value '999ms'; expected a duration such as 5s, 500ms or 1h30m from 1s to 24h"],
  ['snapshot a 5s b', "3:19: 'b' is one argument too many; expected none"],
  ['snapshot a\n    snapshot b', '4:5: snapshot is there twice; expected one file'],
  ['ttll 5', `3:5: unknown property 'ttll' (did you mean 'ttl'?); ${KNOWN}`],
  ['resyncperiod 5m', `3:5: unknown property 'resyncperiod'; ${KNOWN}`],
  ['constructor', `3:5: unknown property 'constructor'; ${KNOWN}`],
]

const LONG = `${'abcdefg.'.repeat(31)}local.`
const REVERSE = 'expected a zone for PTR records to point into, such as cluster.local'

/** What stands behind the directive, which begins at line 2, column 3. */
const zoneMistakes: [zones: string, message: string][] = [
  ['10.0.0.0/8', `2:3: kubernetes has only reverse zones (10.in-addr.arpa.); ${REVERSE}`],
  ['in-addr.arpa ip6.arpa', `2:3: kubernetes has only reverse zones (in-addr.arpa. ip6.arpa.); ${REVERSE}`],
  ['a..b', "2:14: bad zone 'a..b': it has an empty label; expected one dot between labels"],
  ['a 10.0.0.0/33', "2:16: bad network '10.0.0.0/33'; expected ADDRESS/LENGTH such as 10.0.0.0/8 or fd00::/8"],
  [LONG.slice(8), `2:3: zone '${LONG.slice(8)}' leaves no room for the names in it; expected at most 243 octets`],
  ['a\n  kubernetes b', '3:3: kubernetes is there twice; expected it once in a server block'],
]

/** The options that are right: what CoreDNS takes is taken. */
const right = [
  'endpoint http://127.0.0.1:8080 http://127.0.0.1:8081',
  'kubeconfig file context',
  'tls cert key ca',
  'apiserver_qps 0.5\napiserver_burst 1\napiserver_max_inflight 1',
  'apiserver_qps 0\napiserver_burst 0\napiserver_max_inflight 0',
  'namespaces a b\nnamespaces c',
  'labels environment in (production, staging),application=nginx',
  'labels app.kubernetes.io/name==web,!legacy,tier',
  'multicluster cluster.local',
  'ptr headless',
  'negative_ttl 0\nttl 3600',
  'max_answers 4096',
  'ttl 0',
  'ttl 3600',
  'zonal',
  'topology\nzonal',
  'startup_timeout 0s',
  'snapshot /var/lib/kubezone/names',
  'snapshot names 1s',
  'fallthrough',
  'fallthrough in-addr.arpa 10.0.0.0/8',
]

function messageOf(corefile: string): string {
  try {
    void new RunningSite({ corefile })
    return 'no error'
  } catch (error) {
    if (error instanceof CorefileError) return error.message
    throw error
  }
}

void t.test('every mistake in the block is told with its place and with what was expected', async t => {
  for (const [line, message] of mistakes) {
    const corefile = `. {\n  kubernetes cluster.local {\n    ${line}\n  }\n}\n`
    t.equal(messageOf(corefile), `Corefile:${message}`, line)
  }
})

void t.test('so is one in the zones', async t => {
  for (const [zones, message] of zoneMistakes) {
    t.equal(messageOf(`. {\n  kubernetes ${zones}\n}\n`), `Corefile:${message}`, zones)
  }
})

const writing = (port: number, file: string): string =>
  `.:${port} {\n  kubernetes cluster.local {\n    snapshot ${file}\n  }\n}\n`

void t.test('two server blocks cannot write one snapshot, however its path is spelt', async t => {
  t.equal(messageOf(writing(1053, 'a') + writing(1054, 'b')), 'no error')
  t.equal(
    messageOf(writing(1053, 'a') + writing(1054, './x/../a')),
    "Corefile:8:14: './x/../a' is the file of Corefile:3:14 already; expected another file",
  )
})

void t.test('what is right is taken without a word', async t => {
  for (const line of right) {
    t.equal(messageOf(`. {\n  kubernetes cluster.local {\n    ${line}\n  }\n}\n`), 'no error', line)
  }
  t.equal(messageOf(`. {\n  kubernetes ${LONG.slice(16)}\n}\n`), 'no error')
})
