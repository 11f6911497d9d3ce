// What the servers are asked. To add a row, add an entry to the table at the end.

import { EXTERNAL_NAMES, EXTERNAL_ZONE, NAMESPACES, fullName, headless, reverseName, withClusterIP } from './cluster.ts'

export interface Scenario {
  readonly name: string
  readonly transport: 'udp' | 'tcp'
  /** Lines of dnsperf's data file, `NAME TYPE`; asked again from the start when all have been asked. */
  readonly questions: () => string[]
  /**
   * Further lines of the Corefile; UPSTREAM stands for a server on the loopback that has the names of elsewhere. Such a scenario is for the
   * servers that have a Corefile, and is left out as long as one of the plugins is missing here.
   */
  readonly plugins?: readonly string[]
  /**
   * Where it is set, the questions come at a steady pace while so many endpoints change in a second, and their latencies are what is measured.
   * More than 0 is for the servers that hear of changes.
   */
  readonly changesPerSecond?: number
}

const COUNT = 20_000

/** The same numbers in each run (mulberry32). */
function* randomNumbers(seed: number): Generator<number, never> {
  for (;;) {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    yield ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

function repeat(make: (random: () => number, pick: <T>(list: readonly T[]) => T) => string): string[] {
  const numbers = randomNumbers(1)
  const random = (): number => numbers.next().value
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
  return Array.from({ length: COUNT }, () => make(random, pick))
}

const SEARCH_PATHS = Array.from({ length: NAMESPACES }, (_, i) => `team-${i}.svc.cluster.local`)
SEARCH_PATHS.push('svc.cluster.local', 'cluster.local')

const clusterIps = (): string[] => repeat((_random, pick) => `${fullName(pick(withClusterIP))} A`)

/** What pods ask: AAAA beside each A, and names of elsewhere along the search path (ndots:5). */
const mix = (): string[] =>
  repeat((random, pick) => {
    const at = random() * 100
    if (at < 40) return `${fullName(pick(withClusterIP))} A`
    if (at < 60) return `${fullName(pick(withClusterIP))} AAAA`
    if (at < 85) return `api-${Math.floor(random() * 1000)}.example.com.${pick(SEARCH_PATHS)} A`
    if (at < 90) return `_http._tcp.${fullName(pick(withClusterIP))} SRV`
    if (at < 95) return `${fullName(pick(headless))} A`
    return `${reverseName(pick(withClusterIP).clusterIP)} PTR`
  })

const external = (count: number) => (): string[] =>
  repeat(random => `host-${Math.floor(random() * count)}.${EXTERNAL_ZONE} A`)

/** One name of elsewhere, as a pod asks for it: with each part of its search path, then as it is. */
const searched = (): string[] =>
  repeat((random, pick) => {
    const name = `host-${Math.floor(random() * 100)}.${EXTERNAL_ZONE}`
    const paths = [`.${pick(SEARCH_PATHS.slice(0, NAMESPACES))}`, '.svc.cluster.local', '.cluster.local', '']
    return paths.flatMap(path => [`${name}${path} A`, `${name}${path} AAAA`]).join('\n')
  })

export const SCENARIOS: readonly Scenario[] = [
  { name: 'cluster IP, A', transport: 'udp', questions: clusterIps },
  { name: 'mix', transport: 'udp', questions: mix },
  { name: 'mix, TCP', transport: 'tcp', questions: mix },
  {
    name: 'external, cached',
    transport: 'udp',
    questions: external(1_000),
    plugins: ['forward . UPSTREAM', 'cache 30'],
  },
  {
    name: 'external, not cached',
    transport: 'udp',
    questions: external(EXTERNAL_NAMES),
    plugins: ['forward . UPSTREAM'],
  },
  { name: 'external, ndots:5', transport: 'udp', questions: searched, plugins: ['forward . UPSTREAM', 'cache 30'] },
  { name: 'mix, no changes', transport: 'udp', questions: mix, changesPerSecond: 0 },
  { name: 'mix, 200 changes a second', transport: 'udp', questions: mix, changesPerSecond: 200 },
  {
    name: 'mix, 200 changes a second, 1 thread',
    transport: 'udp',
    questions: mix,
    plugins: ['multisocket 1'],
    changesPerSecond: 200,
  },
]

/** Measured apart: see threads.ts. */
export const THREADS = 'threads'
