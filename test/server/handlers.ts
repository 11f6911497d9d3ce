// Small handlers, loggers and servers that the tests of this folder share.

import pino, { type Logger } from 'pino'
import type { Handler } from '../../src/server/handler.ts'
import { Server, type ServerOptions } from '../../src/server/server.ts'
import { Rcode, Type } from '../../src/wire/constants.ts'
import { Section } from '../../src/wire/reply.ts'

export const silent: Logger = pino({ level: 'silent' })

/** A logger and the lines that it wrote. */
export function recorder(): { log: Logger; lines: { msg: string; err?: { stack: string } }[] } {
  const lines: { msg: string; err?: { stack: string } }[] = []
  return { log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }), lines }
}

/** One A record. */
export function answerWith(lastOctet: number): Handler {
  const rdata = Uint8Array.of(10, 0, 0, lastOctet)
  return {
    serve(_query, reply) {
      reply.authoritative = true
      reply.addRecord(Section.Answer, Type.A, 30, rdata)
      return Rcode.NOERROR
    },
  }
}

/** As many records of `length` octets as the first label says; those that do not fit are left out. */
export function answerMany(length: number): Handler {
  const rdata = new Uint8Array(length).fill(7)
  return {
    serve(query, reply) {
      const label = Buffer.from(query.name.subarray(1, 1 + query.name[0])).toString()
      for (let i = 0; i < Number(label); i++) reply.addRecord(Section.Answer, Type.TXT, 5, rdata)
      return Rcode.NOERROR
    },
  }
}

/** Answers with the rcode that `answer` resolves with, when it does. */
export function answerLater(answer: () => Promise<number>): Handler {
  return {
    async serve(_query, reply) {
      const rcode = await answer()
      reply.addRecord(Section.Answer, Type.A, 30, Uint8Array.of(10, 0, 0, 9))
      return rcode
    },
  }
}

/** A server on one port of 127.0.0.1 with one block for every name. */
export async function serve(
  handler: Handler,
  options: Partial<ServerOptions> = {},
): Promise<{ server: Server; port: number }> {
  const server = new Server({
    listeners: [{ address: '127.0.0.1', port: 0, blocks: [{ zones: ['.'], handler }] }],
    log: silent,
    ...options,
  })
  await server.start()
  return { server, port: server.addresses()[0].port }
}
