// Lookups that go on while something happens to the DNS of the cluster.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { type Cluster, NAMESPACE, type Work } from './cluster.ts'

const ZONE = `${NAMESPACE}.svc.cluster.local`
/** As programs write them, for the search path. */
const SHORT = ['web', 'web-vip', 'web-0.web', `web-vip.${NAMESPACE}.svc`, 'kubernetes.default', 'www.upstream.test']
/** In full: there are nslookups that take no search path for a name with a dot. */
const LONG = [
  ...['web', 'web-vip', 'web-0.web'].map(name => `${name}.${ZONE}`),
  'kubernetes.default.svc.cluster.local',
  'www.upstream.test',
]

const ASKER = readFileSync(new URL('asker.ts', import.meta.url), 'utf8')
const DNSPERF_QUERIES = [...LONG.map(name => `${name} A`), `_http._tcp.web.${ZONE} SRV`]

/** Looks names up one after the other until the standard input ends; writes those that failed, and how many there were. */
const loop = (command: string, names: readonly string[]): string => `
f=/tmp/stop-$$
( n=0; while [ ! -e $f ]; do for h in ${names.join(' ')}; do n=$((n+1)); ${command} $h >/tmp/out-$$ 2>&1 || { echo "$h:" $(cat /tmp/out-$$); }; sleep 0.1; done; done; echo looked $n ) &
read _; : > $f; wait; rm -f $f /tmp/out-$$`

/** No more at one time than sockets have room for: after a pause dnsperf makes up for what it has not sent, as fast as it can. */
const OUTSTANDING = 500

const DNSPERF = `command -v dnsperf >/dev/null || exit 0
s=$(sed -n 's/^nameserver //p' /etc/resolv.conf)
printf '${DNSPERF_QUERIES.join('\\n')}\\n' > /tmp/queries
dnsperf -s $s -d /tmp/queries -Q 2000 -c 20 -q ${OUTSTANDING} -t 3 -S 1 -l 600 2>&1 & p=$!
read _; kill -INT $p; wait $p; true`

export interface Losses {
  /** Of 20 sockets, 2,000 queries a second; undefined where there is no dnsperf. */
  readonly dnsperf: { readonly sent: number; readonly lost: number; readonly output: string } | undefined
  /** Of one socket. */
  readonly socket: { readonly sent: number; readonly lost: number; readonly gapMs: number }
  /** Lookups by the resolvers of programs, and those that they gave up. */
  readonly looked: number
  readonly failed: readonly string[]
}

/** Looks up in all ways at once while `happen` goes on. */
export async function during(cluster: Cluster, happen: () => Promise<void>): Promise<Losses> {
  const asker = [`web-vip.${ZONE}`, ...SHORT]
  const works: Work[] = [
    cluster.start('asker', '/bin/node', '--input-type=module-typescript', '-e', ASKER, '--', ...asker),
    cluster.start('glibc', 'sh', '-c', loop('getent hosts', SHORT)),
    cluster.start('busybox', 'sh', '-c', loop('nslookup', LONG)),
    cluster.start('glibc', 'sh', '-c', DNSPERF),
  ]
  await happen()
  const [asked, getent, nslookup, dnsperf] = await Promise.all(works.map(work => work.stop()))
  const { sent, lost, gapMs, ...node } = JSON.parse(asked) as {
    sent: number
    lost: number
    gapMs: number
    looked: number
    failed: string[]
  }
  const shells = [getent, nslookup].flatMap(out => out.trim().split('\n'))
  const counted = shells.filter(line => line.startsWith('looked ')).map(line => Number(line.split(' ')[1]))
  assert.ok(
    counted.length === 2 && counted.every(count => count > 0) && node.looked > 0,
    `nothing looked up: ${shells.join('\n')}`,
  )
  return {
    dnsperf: readDnsperf(dnsperf),
    socket: { sent, lost, gapMs },
    looked: counted.reduce((sum, count) => sum + count, node.looked),
    failed: [...node.failed, ...shells.filter(line => !line.startsWith('looked '))],
  }
}

function readDnsperf(out: string): Losses['dnsperf'] {
  const count = (what: string): number => Number(new RegExp(`Queries ${what}: +(\\d+)`).exec(out)?.[1])
  if (out === '') return undefined
  assert.ok(count('sent') > 0, `dnsperf: ${out.slice(-500)}`)
  return { sent: count('sent'), lost: count('lost'), output: out }
}

export function tellLosses({ dnsperf, socket, looked, failed }: Losses): string {
  const perf = dnsperf === undefined ? 'no dnsperf' : `dnsperf ${dnsperf.lost} of ${dnsperf.sent} lost`
  const one = `one socket ${socket.lost} of ${socket.sent} lost${socket.lost > 0 ? ` in ${socket.gapMs} ms` : ''}`
  return `${failed.length} of ${looked} lookups failed; ${one}; ${perf}`
}
