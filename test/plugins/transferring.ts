// A client of zone transfers, over a real connection.

import { TcpClient } from '../server/clients.ts'
import { type DecodedRecord, type Message, buildQuery, decode } from '../server/message.ts'
import { TYPES, describe, formatRecord } from '../site/zonefile.ts'

export interface Transferred {
  readonly rcode: number
  /** In the order of the stream, the SOA at both ends; `owner TTL IN TYPE rdata`. */
  readonly types: number[]
  readonly lines: string[]
  readonly serials: number[]
  /** As `recordsOf` has them. */
  readonly records: (number | string)[]
  readonly messages: Message[]
  readonly sizes: number[]
}

/** RFC 1035 section 3.3.13, with this serial and nothing else. */
export function soaRecord(zone: string, serial: number): Buffer {
  const name = buildQuery({ name: zone }).subarray(12, -4)
  const rdata = Buffer.alloc(2 + 20)
  rdata.writeUInt32BE(serial, 2)
  return Buffer.concat([name, Buffer.from([0, 6, 0, 1, 0, 0, 0, 0, 0, rdata.length]), rdata])
}

/** Answers in their order, SOA records by their serials alone. */
export const recordsOf = ({ answers }: Message, bytes: Buffer): (number | string)[] =>
  answers.map(record =>
    record.type === 6 ? record.rdata.readUInt32BE(record.rdata.length - 20) : formatRecord(record, bytes),
  )

/** Over `client`, which it leaves open. With `serial`, an IXFR. */
export async function transferOver(client: TcpClient, zone: string, serial?: number): Promise<Transferred> {
  const before = client.messages.length
  const isIxfr = serial !== undefined
  const records = isIxfr ? soaRecord(zone, serial) : undefined
  client.send(
    buildQuery({ id: 77, name: zone, type: TYPES[isIxfr ? 'IXFR' : 'AXFR'], records, nscount: isIxfr ? 1 : 0 }),
  )
  for (let count = 1; ; count++) {
    await client.receive(before + count)
    const raw = client.messages.slice(before).filter(bytes => bytes.readUInt16BE(0) === 77)
    const messages = raw.map(decode)
    const answers = messages.flatMap(({ answers }) => answers)
    const serials = answers.flatMap(({ type, rdata }) => (type === 6 ? [rdata.readUInt32BE(rdata.length - 20)] : []))
    if (raw.length === 0 || (answers.length > 0 && messages.at(-1)!.rcode === 0 && !isWhole(answers, serials, isIxfr)))
      continue
    return {
      rcode: messages.at(-1)!.rcode,
      types: answers.map(({ type }) => type),
      lines: messages.flatMap((message, i) => describe(message, raw[i]).answer),
      serials,
      records: messages.flatMap((message, i) => recordsOf(message, raw[i])),
      messages,
      sizes: raw.map(({ length }) => length),
    }
  }
}

/** A second SOA at the beginning says that there are increments; the last of them has the newest serial, too (RFC 1995 section 4). */
function isWhole(answers: readonly DecodedRecord[], serials: readonly number[], isIxfr: boolean): boolean {
  if (isIxfr && answers.length === 1) return true
  const isIncremental = answers[1]?.type === 6 && serials[1] !== serials[0]
  return serials.filter(serial => serial === serials[0]).length === (isIncremental ? 3 : 2)
}

/** A zone that is had from somebody else: changes are to be what they say. */
export class Secondary {
  readonly records = new Set<string>()
  serial = 0
  /** The last one: `whole`, `nothing`, or how many increments there were. */
  last: 'whole' | 'nothing' | number = 'nothing'

  /** Throws where a record is removed that is not there, or added that is, or where the serials do not lead on. */
  apply({ records }: Pick<Transferred, 'records'>): void {
    const [serial, second] = records
    if (records.at(-1) !== serial || typeof serial !== 'number') throw new Error('no SOA at both ends')
    if (records.length === 1) {
      this.last = 'nothing'
      return
    }
    const between = records.slice(1, -1)
    if (between.length > 0 && typeof second === 'number') this.#change(between)
    else {
      this.last = 'whole'
      this.records.clear()
      for (const record of between) this.#add(record)
      this.serial = serial
    }
    if (this.serial !== serial) throw new Error(`ends with ${this.serial}, not ${serial}`)
  }

  #change(records: readonly (number | string)[]): void {
    let soas = 0
    for (const record of records) {
      if (typeof record === 'number') {
        if (soas % 2 === 0 && record !== this.serial) throw new Error(`${record} follows ${this.serial}`)
        this.serial = record
        soas++
      } else if (soas % 2 === 0) this.#add(record)
      else if (!this.records.delete(record)) throw new Error(`${record} is not there`)
    }
    if (soas % 2 !== 0) throw new Error('half an increment')
    this.last = soas / 2
  }

  #add(record: number | string): void {
    if (typeof record === 'number' || this.records.has(record)) throw new Error(`${record} is there`)
    this.records.add(record)
  }
}

export async function transfer(port: number, zone: string, serial?: number): Promise<Transferred> {
  const client = await TcpClient.connect(port)
  const transferred = await transferOver(client, zone, serial)
  client.socket.destroy()
  return transferred
}
