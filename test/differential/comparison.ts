// One kubezone and one CoreDNS over one API: brings both to a cluster, asks both the same, and tells where they differ.

import type { FakeApi } from '../../src/fakeapi/fakeapi.ts'
import type { ApiObject } from '../../src/fakeapi/object.ts'
import { UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { type Answer, TYPES, describe } from '../site/zonefile.ts'
import { LABELS, NAMESPACES, keyOf } from './cluster.ts'
import { DIFFERENCES } from './differences.ts'
import { ADDRESSES, type Question, listWalk, makeQuestion, makeRandom, reverse } from './questions.ts'

/** Until both know of a change. */
const PATIENCE_MS = 20_000
const POLL_MS = 5
/** Asked while the cluster changes; what comes back then may be of before or after, but something comes. */
const QUESTIONS_MEANWHILE = 20

const ZONE = 'cluster.local.'
const SENTINEL = 'sentinel'

const show = (of: Answer): string => JSON.stringify(of, null, 1).replaceAll('\n', '\n  ')

/** An unlike answer, as a person reads it. */
export class Unlike extends Error {
  constructor({ name, type }: Question, ours: Answer, theirs: Answer) {
    super(`${name} ${type}\nkubezone: ${show(ours)}\nCoreDNS:  ${show(theirs)}`)
  }
}

/** The spelling of owners below the question's name is nobody's promise. */
const lower = (lines: readonly string[]): string[] => lines.map(line => line.toLowerCase()).sort()

async function ask(client: UdpClient, { name, type }: Question): Promise<Answer> {
  const query = buildQuery({ name, type: TYPES[type], edns: { size: 65_000 } })
  const [bytes] = await Promise.all([client.receive(), client.send(query)])
  const { answer, ns, extra, ...head } = describe(decode(bytes), bytes)
  return { ...head, answer: lower(answer), ns: lower(ns), extra: lower(extra) }
}

export interface ComparisonOptions {
  readonly ports: { readonly ours: number; readonly theirs: number }
  /** Those that the servers are to serve; all when absent. */
  readonly namespaces?: readonly string[]
  /** What is asked in the place of a question about a name of the cluster. */
  readonly turn?: (random: () => number, question: Question) => Question
  /** Whether the servers follow the search path of a Pod; then it is a Pod that asks. */
  readonly isWalking?: boolean
}

/** Who asks, where it is to be a Pod; and who is none. */
const POD_ADDRESS = '127.0.0.1'
const OTHER_ADDRESS = '127.0.0.2'
const openOther = (port: number): UdpClient => new UdpClient(port, POD_ADDRESS, OTHER_ADDRESS)
const POD: ApiObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'asking', namespace: 'default', labels: LABELS },
  status: { phase: 'Running', podIP: POD_ADDRESS, podIPs: [{ ip: POD_ADDRESS }] },
}

const sentinelAddress = (round: number): string => `10.200.${round >> 8}.${round & 255}`

export class Comparison {
  readonly #api: FakeApi
  readonly #ours: UdpClient
  readonly #theirs: UdpClient
  readonly #namespaces: readonly string[]
  /** Those whose path nobody knows; only where there are search paths. */
  readonly #others: { readonly ours: UdpClient; readonly theirs: UdpClient } | undefined
  readonly #turn: NonNullable<ComparisonOptions['turn']>
  readonly #objects = new Map<string, ApiObject>()
  #round = 0
  /** Questions that were compared. */
  asked = 0
  /** Those of them with records in CoreDNS's answer. */
  found = 0
  /** How often each rule was needed. */
  readonly explained = new Map<string, number>()

  constructor(api: FakeApi, options: ComparisonOptions) {
    const { ports, namespaces = NAMESPACES, isWalking = false, turn = (_, question) => question } = options
    this.#api = api
    this.#turn = turn
    this.#ours = new UdpClient(ports.ours)
    this.#theirs = new UdpClient(ports.theirs)
    if (isWalking) this.#others = { ours: openOther(ports.ours), theirs: openOther(ports.theirs) }
    // Those of the system would be names that no question is about.
    for (const kind of ['Service', 'EndpointSlice'])
      for (const own of api.store.list(api.store.resource(kind))) this.#delete(own)
    this.#namespaces = namespaces
  }

  close(): void {
    this.#ours.close()
    this.#theirs.close()
    this.#others?.ours.close()
    this.#others?.theirs.close()
  }

  /** Throws Unlike. */
  async compare(objects: readonly ApiObject[], seed: number, count: number): Promise<void> {
    const random = makeRandom(seed)
    await this.#change(objects, random)
    for (let i = 0; i < count; i++) {
      await this.#compareOne(this.#turn(random, makeQuestion(random, objects)), objects)
    }
  }

  async #compareOne(question: Question, objects: readonly ApiObject[]): Promise<void> {
    const [ours, said] = await Promise.all([ask(this.#ours, question), ask(this.#theirs, question)])
    // A record is there once (RFC 2181 section 5); behind `autopath`, CoreDNS repeats the CNAME of a name that leads to another in the zone.
    const theirs = { ...said, answer: [...new Set(said.answer)] }
    this.asked++
    if (theirs.answer.length > 0) this.found++
    if (JSON.stringify(ours) === JSON.stringify(theirs)) return
    const rule =
      (await this.#explain(question, ours, theirs, objects)) ??
      (await this.#explainWalk(question, ours, theirs, objects))
    if (rule === undefined) throw new Unlike(question, ours, theirs)
    this.explained.set(rule, (this.explained.get(rule) ?? 0) + 1)
  }

  /** The rule by which the answers may differ. */
  async #explain(
    question: Question,
    ours: Answer,
    theirs: Answer,
    objects: readonly ApiObject[],
  ): Promise<string | undefined> {
    const oracle = this.#others?.theirs ?? this.#theirs
    const pair = {
      question: { ...question, name: question.name.toLowerCase() },
      ours,
      theirs,
      objects,
      addresses: [...ADDRESSES, sentinelAddress(this.#round)],
      ask: (name: string, type: string): Promise<Answer> => ask(oracle, { name, type }),
    }
    for (const { rule, explains } of DIFFERENCES) if (await explains(pair)) return rule
    return undefined
  }

  /** A walk may end otherwise where one of its names is answered otherwise. */
  async #explainWalk(
    { name, type }: Question,
    ours: Answer,
    theirs: Answer,
    objects: readonly ApiObject[],
  ): Promise<string | undefined> {
    if (!this.#others) return undefined
    for (const walked of listWalk(name)) {
      const question = { name: walked, type }
      // Both have ended there; asked once more, CoreDNS may say another thing.
      const isWay = (line: string): boolean =>
        line.startsWith(`${name.toLowerCase()} `) && line.endsWith(` in cname ${walked.toLowerCase()}`)
      const end = (said: Answer): Answer => ({ ...said, answer: said.answer.filter(line => !isWay(line)) })
      const [here, there] = [end(ours), end(theirs)]
      const haveEnded = here.answer.length < ours.answer.length && there.answer.length < theirs.answer.length
      const ended = haveEnded ? await this.#explain(question, here, there, objects) : undefined
      if (ended !== undefined) return ended
      const [own, other] = await Promise.all([ask(this.#others.ours, question), ask(this.#others.theirs, question)])
      const isSame = JSON.stringify(own) === JSON.stringify(other)
      const rule = isSame ? undefined : await this.#explain(question, own, other, objects)
      if (rule !== undefined) return rule
    }
    return undefined
  }

  /** From the cluster of before to this one, and until both servers have heard. */
  async #change(objects: readonly ApiObject[], random: () => number): Promise<void> {
    const wanted = new Map(
      [...objects, ...this.#makeSentinels(), ...(this.#others ? [POD] : [])].map(object => [keyOf(object), object]),
    )
    const meanwhile = Array.from({ length: QUESTIONS_MEANWHILE }, () => makeQuestion(random, objects))
    const answers = Promise.all([this.#ours, this.#theirs].map(client => askAll(client, meanwhile)))
    for (const [key, object] of this.#objects) if (!wanted.has(key)) this.#delete(object)
    for (const object of wanted.values()) this.#apply(object)
    await answers
    const address = sentinelAddress(this.#round)
    const before = sentinelAddress(this.#round - 1)
    const has = async (client: UdpClient): Promise<boolean> => {
      const { answer } = await ask(client, { name: `${SENTINEL}.default.svc.${ZONE}`, type: 'A' })
      if (!answer.some(line => line.endsWith(` ${address}`))) return false
      // kubezone keeps for a moment what an endpoint has left, in the order in which it went.
      const endpoint = `${before.replaceAll('.', '-')}.${SENTINEL}.default.svc.${ZONE}`
      if ((await ask(client, { name: endpoint, type: 'A' })).rcode === 'NOERROR') return false
      if ((await ask(client, { name: reverse(before), type: 'PTR' })).rcode === 'NOERROR') return false
      const pod = { name: `${address.replaceAll('.', '-')}.default.pod.${ZONE}`, type: 'A' }
      if ((await ask(client, pod)).answer.length === 0) return false
      for (const name of NAMESPACES) {
        const isThere = wanted.has(`Namespace//${name}`) && this.#namespaces.includes(name)
        const { rcode } = await ask(client, { name: `${name}.svc.${ZONE}`, type: 'A' })
        if (isThere !== (rcode === 'NOERROR')) return false
      }
      return true
    }
    const deadlineMs = performance.now() + PATIENCE_MS
    const { ours, theirs } = this.#others ?? { ours: this.#ours, theirs: this.#theirs }
    for (const client of [ours, theirs]) {
      while (!(await has(client))) {
        const who = client === ours ? 'kubezone' : 'CoreDNS'
        if (performance.now() > deadlineMs) throw new Error(`${who} does not hear of what has changed`)
        await new Promise(resolve => void setTimeout(resolve, POLL_MS))
      }
    }
  }

  /** Of each resource one that tells that what came before it has been heard; namespaces are looked at themselves. */
  #makeSentinels(): ApiObject[] {
    this.#round++
    const address = sentinelAddress(this.#round)
    const metadata = { name: SENTINEL, namespace: 'default', labels: LABELS }
    return [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } },
      { apiVersion: 'v1', kind: 'Service', metadata, spec: { clusterIP: 'None' } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { ...metadata, labels: { ...LABELS, 'kubernetes.io/service-name': SENTINEL } },
        addressType: 'IPv4',
        endpoints: [{ addresses: [address] }],
        ports: [],
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
        status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
      },
    ]
  }

  #delete(object: ApiObject): void {
    const { kind, metadata } = object
    const resource = this.#api.store.resource(kind)
    // What was in a namespace has gone with it.
    if (this.#api.store.get(resource, metadata.namespace, metadata.name) !== undefined) {
      this.#api.store.delete(resource, metadata.namespace, metadata.name, { gracePeriodSeconds: 0 })
    }
    this.#objects.delete(keyOf(object))
  }

  /** What may not be changed is deleted and made again. */
  #apply(object: ApiObject): void {
    try {
      this.#api.apply(object)
    } catch {
      this.#delete(object)
      this.#api.apply(object)
    }
    this.#objects.set(keyOf(object), object)
  }
}

/** One after the other: answers come without their questions' order otherwise. */
async function askAll(client: UdpClient, questions: readonly Question[]): Promise<void> {
  for (const question of questions) await ask(client, question)
}
