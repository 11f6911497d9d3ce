// Whether kubezone answers as CoreDNS does. Where docs/differences.md says that it does not, what it has to answer is worked out from what
// CoreDNS says to the other questions: which names exist, and which do not.

import type { Answer } from '../site/zonefile.ts'
import type { Asked, Pair } from './pair.ts'

const QUESTION_TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'SOA', 'NS', 'PTR', 'MX', 'HTTPS', 'ANY']
const ZONES = ['cluster.local.', 'in-addr.arpa.', 'ip6.arpa.']
const [CLUSTER] = ZONES
const VERSION = `dns-version.${CLUSTER}`

/** `own-address`: with `bind`, CoreDNS finds no address of its own. What it is depends on how a server is reached. */
const OF_THE_SERVER = (name: string, type: string): boolean =>
  /^(ns\.)?dns\.cluster\.local\.$/.test(name) || (type === 'NS' && ZONES.includes(name))

type Answers = ReadonlyMap<string, Answer>

/** Asks both for these names, by every type, and tells where kubezone is not as it should be. */
export async function compare(pair: Pick<Pair, 'kubezone' | 'coredns'>, names: readonly string[]): Promise<string[]> {
  const [theirs, ours] = await Promise.all([askAll(pair.coredns, names), askAll(pair.kubezone, names)])
  const existing = findExisting(theirs)
  return [...theirs].flatMap(([question, answer]) => {
    const [name, type] = question.split(' ')
    if (OF_THE_SERVER(name, type)) return []
    const expected = expect(name, type, answer, theirs, existing)
    const found = ours.get(question)!
    return isSame(expected, found) ? [] : [`${question}: ${print(found)}, and not ${print(expected)}`]
  })
}

async function askAll(server: Asked, names: readonly string[]): Promise<Answers> {
  const answers = new Map<string, Answer>()
  for (const name of names) {
    for (const type of QUESTION_TYPES) answers.set(`${name} ${type}`, normalize(await server.ask(name, type)))
  }
  return answers
}

/** How long an answer with records from elsewhere is kept yet depends on when they came; OPT is not of the answer. */
function normalize(answer: Answer): Answer {
  const isKept = [...answer.answer, ...answer.ns].some(isForeign)
  const lines = [answer.answer, answer.ns, answer.extra].map(section =>
    section
      .filter(line => !line.includes(' TYPE41 '))
      .map(line => (isKept ? line.replace(/ \d+ IN /, ' * IN ') : line))
      .sort(),
  )
  return { ...answer, answer: lines[0], ns: lines[1], extra: lines[2] }
}

/** A record that is not of the cluster, or an alias of such. */
function isForeign(line: string): boolean {
  const [owner, , , type, target] = line.split(' ')
  return (
    !ZONES.some(zone => isOf(zone, owner)) || (type === 'CNAME' && !isOf(CLUSTER, target)) || line.includes('upstream')
  )
}

const isOf = (zone: string, name: string): boolean => `.${name}`.endsWith(`.${zone}`)

const print = ({ rcode, aa, answer, ns, extra }: Answer): string =>
  [rcode, aa ? 'AA' : '', ...answer, '|', ...ns, '|', ...extra].join(' ')

const isSame = (one: Answer, other: Answer): boolean => JSON.stringify(one) === JSON.stringify(other)

/** A name exists when something is at it, or below it (RFC 8020). SOA does not tell: CoreDNS says NODATA for any name. */
function findExisting(answers: Answers): ReadonlySet<string> {
  const existing = new Set<string>(ZONES)
  for (const [question, answer] of answers) {
    const [name, type] = question.split(' ')
    const isThere = isOf(CLUSTER, name) ? answer.rcode === 'NOERROR' && type !== 'SOA' : isOfServices(answer)
    if (!isThere) continue
    for (let rest = name; rest !== ''; rest = rest.slice(rest.indexOf('.') + 1)) existing.add(rest)
  }
  return existing
}

/** Of reverse names, those of the cluster lead into its zone; all others are for other servers. */
const isOfServices = ({ answer }: Answer): boolean => answer.some(line => line.endsWith(`.${CLUSTER}`))

/** A question to CoreDNS, with what is known of it and of all others. */
interface Theirs {
  readonly name: string
  readonly type: string
  readonly answer: Answer
  /** Which of the zones it is in. */
  readonly zone: string
  readonly doesExist: boolean
  readonly answers: Answers
}

interface Rule {
  /** As in docs/differences.md. */
  readonly rule: string
  /** What kubezone has to answer; undefined where it is no question of this rule. */
  readonly expect: (theirs: Theirs) => Answer | undefined
}

const nodata = ({ zone, answers }: Theirs): Answer => ({
  rcode: 'NOERROR',
  aa: true,
  tc: false,
  answer: [],
  ns: soaOf(zone, answers),
  extra: [],
})

export const RULES: readonly Rule[] = [
  {
    // It is not denied, and other servers are not asked for it.
    rule: 'name-exists',
    expect(theirs) {
      const { answer, zone, doesExist } = theirs
      if (!doesExist) return undefined
      if (zone === CLUSTER) return answer.rcode === 'NXDOMAIN' ? nodata(theirs) : undefined
      const isOwn = isOfServices(answer) || [...answer.answer, ...answer.ns].some(line => line.startsWith(`${zone} `))
      return isOwn ? undefined : nodata(theirs)
    },
  },
  {
    // It does not exist, or other servers are asked, as for any other type.
    rule: 'soa-below-apex',
    expect(theirs) {
      const { name, type, zone, doesExist, answers } = theirs
      if (type !== 'SOA' || doesExist) return undefined
      return zone === CLUSTER ? { ...nodata(theirs), rcode: 'NXDOMAIN' } : answers.get(`${name} MX`)!
    },
  },
  {
    // The cache of CoreDNS shortens what it does not keep, too.
    rule: 'cluster-uncached',
    expect: ({ name, type, answer }) =>
      name === VERSION && type === 'TXT' ? { ...answer, answer: [`${VERSION} 28800 IN TXT "1.1.0"`] } : undefined,
  },
  {
    rule: 'external-nxdomain',
    expect({ type, answer, answers }) {
      const target = / IN CNAME (\S+)$/.exec(answer.answer.at(-1) ?? '')?.[1]
      const isDenied = target !== undefined && answers.get(`${target} ${type}`)?.rcode === 'NXDOMAIN'
      return isDenied && type !== 'CNAME' ? { ...answer, rcode: 'NXDOMAIN' } : undefined
    },
  },
]

/** By the first rule that it is a question of, else as CoreDNS has it. */
function expect(name: string, type: string, answer: Answer, answers: Answers, existing: ReadonlySet<string>): Answer {
  const zone = ZONES.find(zone => isOf(zone, name))
  if (zone === undefined) return answer
  const theirs = { name, type, answer, zone, doesExist: existing.has(name), answers }
  for (const rule of RULES) {
    const expected = rule.expect(theirs)
    if (expected) return expected
  }
  return answer
}

const soaOf = (zone: string, answers: Answers): string[] => answers.get(`${zone} SOA`)?.answer ?? []
