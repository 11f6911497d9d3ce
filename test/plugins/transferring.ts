// A client of zone transfers, over a real connection.

import { TcpClient } from '../server/clients.ts'
import { type Message, buildQuery, decode } from '../server/message.ts'
import { TYPES, describe } from '../site/zonefile.ts'

export interface Transferred {
  readonly rcode: number
  /** In the order of the stream, the SOA at both ends; `owner TTL IN TYPE rdata`. */
  readonly types: number[]
  readonly lines: string[]
  readonly serials: number[]
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
    const soas = answers.filter(({ type }) => type === 6)
    const isUpToDate = isIxfr && answers.length === 1
    if (raw.length === 0 || (answers.length > 0 && soas.length < 2 && !isUpToDate && messages.at(-1)!.rcode === 0))
      continue
    return {
      rcode: messages.at(-1)!.rcode,
      types: answers.map(({ type }) => type),
      lines: messages.flatMap((message, i) => describe(message, raw[i]).answer),
      serials: soas.map(({ rdata }) => rdata.readUInt32BE(rdata.length - 20)),
      messages,
      sizes: raw.map(({ length }) => length),
    }
  }
}

export async function transfer(port: number, zone: string, serial?: number): Promise<Transferred> {
  const client = await TcpClient.connect(port)
  const transferred = await transferOver(client, zone, serial)
  client.socket.destroy()
  return transferred
}
