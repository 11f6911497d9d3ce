// A cluster with a server in front of it, and tables of questions to ask it.

import type { Test } from 'tap'
import type { FakeApi } from '../../../src/fakeapi/fakeapi.ts'
import type { ApiObject } from '../../../src/fakeapi/object.ts'
import { UdpClient } from '../../server/clients.ts'
import { buildQuery } from '../../server/message.ts'
import { RunningSite, openApi } from '../../site/running.ts'
import type { Answer } from '../../site/zonefile.ts'

/**
 * A question, `name type`, and the lines of its answer: records, those of the additional section behind `;`. Instead of records:
 * `NODATA`, `NXDOMAIN` or `SERVFAIL` with the SOA of the zone (its name, TTL and minimum may follow, else they are the cluster's),
 * `REFUSED` without, `next` for the answer of the plugin behind.
 */
export type Row = readonly [question: string, ...lines: string[]]

export interface ClusterOptions {
  readonly objects?: readonly ApiObject[]
  /** Behind `kubernetes`: its zones. */
  readonly zones?: string
  /** The lines of its block. */
  readonly options?: string
  /** Plugins behind it. */
  readonly behind?: string
  /** SOA of the answers that bring one. */
  readonly soa?: string
  /** What stands in front of the zone in its names. */
  readonly soaNames?: SoaNames
  /** Runs before the server starts. */
  readonly prepare?: (api: FakeApi) => void
}

interface SoaNames {
  readonly mname: string
  readonly rname: string
}

const NAMESPACE = 'ns'
const SOA_NAMES: SoaNames = { mname: 'ns.dns.', rname: 'hostmaster.' }
const PATIENCE_MS = 10_000

export class Cluster {
  readonly api: FakeApi
  readonly site: RunningSite
  readonly #soa: string
  readonly #soaNames: SoaNames

  constructor(api: FakeApi, site: RunningSite, soa: string, soaNames = SOA_NAMES) {
    this.api = api
    this.site = site
    this.#soa = soa
    this.#soaNames = soaNames
  }

  static async open(t: Test, options: ClusterOptions = {}): Promise<Cluster> {
    const { objects = [], zones = 'cluster.local', behind = '', soa = 'cluster.local. 5/5' } = options
    const api = openApi({ controllers: false })
    t.teardown(() => api.close())
    for (const object of objects) api.apply(object)
    options.prepare?.(api)
    const corefile = `.:0 {\n bind 127.0.0.1\n kubernetes ${zones} {\n${options.options ?? ''}\n}\n${behind}\n}`
    const site = await RunningSite.start({ corefile, api: { endpoint: await api.listen() } })
    t.teardown(() => site.stop())
    return new Cluster(api, site, soa, options.soaNames)
  }

  /** Asks each question over UDP and TCP. */
  async hold(t: Test, rows: readonly Row[]): Promise<void> {
    for (const [question, ...lines] of rows) {
      const expected = this.#expand(lines)
      t.same(await this.ask(question), expected, question)
      t.same(await this.ask(question, 'tcp'), expected, `${question} over TCP`)
    }
  }

  /** Asks until the answer is this one: a change in the API takes a moment. */
  async become(t: Test, [question, ...lines]: Row): Promise<void> {
    const expected = this.#expand(lines)
    const deadline = Date.now() + PATIENCE_MS
    let found = await this.ask(question)
    while (JSON.stringify(found) !== JSON.stringify(expected) && Date.now() < deadline) found = await this.ask(question)
    t.same(found, expected, question)
  }

  /** Deletes an object of the API; a Pod may be given time. */
  remove(kind: string, name: string, namespace: string | undefined = NAMESPACE, gracePeriodSeconds = 0): void {
    const { store } = this.api
    const resource = store.resource(kind)
    store.delete(resource, resource.namespaced ? namespace : undefined, name, { gracePeriodSeconds })
  }

  /** Of the SOA of the zone. */
  async serial(zone: string): Promise<number> {
    const client = new UdpClient(this.site.port)
    const { answers } = await client.ask(buildQuery({ name: zone, type: 6 }))
    client.close()
    const [{ rdata }] = answers
    return rdata.readUInt32BE(rdata.length - 20)
  }

  async ask(question: string, transport: 'udp' | 'tcp' = 'udp'): Promise<string[]> {
    const [name, type] = question.split(' ')
    const answer = await (transport === 'udp' ? this.site.ask(name, type) : this.site.askTcp(name, type))
    return render(answer, this.#soaNames)
  }

  #expand(lines: readonly string[]): string[] {
    return lines.map(line => (/^(NODATA|NXDOMAIN|SERVFAIL)$/.test(line) ? `${line} ${this.#soa}` : line))
  }
}

const SOA = /^(\S+) (\d+) IN SOA (\S+) (\S+) \* 7200 1800 86400 (\d+)$/

function render({ rcode, aa, tc, answer, ns, extra }: Answer, soaNames: SoaNames): string[] {
  const additional = extra.map(line => `; ${line}`)
  const flags = tc ? ['TC'] : []
  if (answer.length > 0)
    return [
      ...answer,
      ...ns.map(line => `authority: ${line}`),
      ...additional,
      ...flags,
      ...(aa ? [] : ['not authoritative']),
    ]
  if (ns.length === 0 && extra.some(line => /^_(udp|tcp)\.\S+ 0 IN SRV /.test(line))) return ['next']
  const outcome = rcode === 'NOERROR' ? 'NODATA' : rcode
  if (rcode === 'REFUSED' && !aa && ns.length + extra.length === 0) return [outcome]
  const [, zone, ttl, mname, rname, minimum] = SOA.exec(ns.join('\n')) ?? []
  const origin = zone === '.' ? '' : zone
  const isSoa = zone !== undefined && mname === soaNames.mname + origin && rname === soaNames.rname + origin
  const authority = isSoa ? `${zone} ${ttl}/${minimum}` : `without SOA ${ns.join('\n')}`
  return [`${outcome} ${authority}`, ...additional, ...flags, ...(aa ? [] : ['not authoritative'])]
}
