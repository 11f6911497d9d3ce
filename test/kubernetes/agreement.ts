// Whether kubezone answers as CoreDNS does. Where docs/decisions.md says that it does not, what it has to answer is worked out from what
// CoreDNS says to the other questions: which names exist, and which do not.

import type { Answer } from '../site/zonefile.ts'
import type { Asked, Pair } from './pair.ts'

const QUESTION_TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME', 'SOA', 'NS', 'PTR', 'MX', 'HTTPS', 'ANY']
const ZONES = ['cluster.local.', 'in-addr.arpa.', 'ip6.arpa.']
const [CLUSTER] = ZONES
const VERSION = `dns-version.${CLUSTER}`

/** What depends on how a server is reached; with `bind`, CoreDNS finds no address of its own. */
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

function expect(name: string, type: string, answer: Answer, answers: Answers, existing: ReadonlySet<string>): Answer {
  const zone = ZONES.find(zone => isOf(zone, name))
  if (zone === undefined) return answer
  const nodata: Answer = { rcode: 'NOERROR', aa: true, tc: false, answer: [], ns: soaOf(zone, answers), extra: [] }
  // A name that exists is not denied, and other servers are not asked for it.
  if (zone === CLUSTER && existing.has(name) && answer.rcode === 'NXDOMAIN') return nodata
  const isOwn = isOfServices(answer) || [...answer.answer, ...answer.ns].some(line => line.startsWith(`${zone} `))
  if (zone !== CLUSTER && existing.has(name) && !isOwn) return nodata
  // SOA of a name that is not there: it does not exist, or other servers are asked, as for any other type.
  if (type === 'SOA' && !existing.has(name)) {
    return zone === CLUSTER ? { ...nodata, rcode: 'NXDOMAIN' } : answers.get(`${name} MX`)!
  }
  // The cache of CoreDNS shortens what it does not keep, too.
  if (name === VERSION && type === 'TXT') return { ...answer, answer: [`${VERSION} 28800 IN TXT "1.1.0"`] }
  // The target of an alias that is not there is told (RFC 6604).
  const target = / IN CNAME (\S+)$/.exec(answer.answer.at(-1) ?? '')?.[1]
  const isDenied = target !== undefined && answers.get(`${target} ${type}`)?.rcode === 'NXDOMAIN'
  return isDenied && type !== 'CNAME' ? { ...answer, rcode: 'NXDOMAIN' } : answer
}

const soaOf = (zone: string, answers: Answers): string[] => answers.get(`${zone} SOA`)?.answer ?? []
