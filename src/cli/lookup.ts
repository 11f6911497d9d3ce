// `kubezone lookup`: asks a server one question and shows the reply as dig does, for machines that have no dig.
//
// Messages are encoded and decoded by dns2, which is made for this and not for a server's query path.

import { createSocket } from 'node:dgram'
import { lookup as resolveHost } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, isIP } from 'node:net'
import { performance } from 'node:perf_hooks'
import { domainToASCII } from 'node:url'
import { parseArgs } from 'node:util'
import { Packet } from 'dns2'
import { type Address, readAddress } from '../corefile/value.ts'
import { parseAddress, reverseName } from '../wire/address.ts'
import { Class, Type } from '../wire/constants.ts'
import { formatName, parseName } from '../wire/name.ts'
import { type Endpoint, formatRdata, formatReply, type Received } from './layout.ts'

const USAGE = `usage: kubezone lookup [options] NAME [TYPE [CLASS]]
       kubezone lookup [options] -x ADDRESS

  --server HOST[:PORT]   the server to ask (127.0.0.1:1053; port 53 when only a host is given)
  --tcp                  ask over TCP
  --bufsize N            size of UDP reply that is announced with EDNS (1232); 0 leaves EDNS out
  --short                show only the data of the answers
  --timeout MS           how long to wait for the reply (2000)
  -x                     ask for the name of an IP address`

const DEFAULT_SERVER = '127.0.0.1:1053'

const ExitCode = { Answered: 0, Usage: 1, NoReply: 9 } as const

interface Options {
  server: Address
  name: string
  type: number
  class: number
  tcp: boolean
  short: boolean
  bufferOctets: number
  timeoutMs: number
}

/**
 * Runs the command. Lines go to `output`, without their newline. Returns the exit code: 0 for a reply of any kind,
 * 9 for none (dig's code for it), 1 for arguments that make no question. Never rejects.
 */
export async function lookup(args: readonly string[], output: (line: string) => void): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    output(USAGE)
    return ExitCode.Answered
  }
  let options: Options
  let query: Packet
  try {
    options = readOptions(args)
    query = makeQuery(options)
    query.toBuffer()
  } catch (error) {
    output(`kubezone lookup: ${messageOf(error)}`)
    output(USAGE)
    return ExitCode.Usage
  }
  const started = performance.now()
  try {
    const endpoint = await resolveServer(options.server)
    let received = options.tcp ? await askTcp(query, endpoint, options) : await askUdp(query, endpoint, options)
    if (received.packet.header.tc === 1 && received.transport === 'UDP') {
      if (!options.short) output(';; Truncated, retrying in TCP mode.')
      received = await askTcp(query, endpoint, options)
    }
    const tookMs = Math.round(performance.now() - started)
    const lines = options.short ? received.packet.answers.map(formatRdata) : formatReply(received, endpoint, tookMs)
    for (const line of lines) output(line)
    return ExitCode.Answered
  } catch (error) {
    const { host, port } = options.server
    output(`;; no reply from ${host === '' ? 'localhost' : host}#${port}: ${messageOf(error)}`)
    return ExitCode.NoReply
  }
}

function messageOf(error: unknown): string {
  // Node tries several addresses of a host and then has several reasons.
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

// --- the question

function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      server: { type: 'string', default: DEFAULT_SERVER },
      tcp: { type: 'boolean', default: false },
      bufsize: { type: 'string', default: '1232' },
      short: { type: 'boolean', default: false },
      timeout: { type: 'string', default: '2000' },
      reverse: { type: 'boolean', short: 'x', default: false },
    },
  })
  const [name, type, qclass, ...extra] = positionals
  if (name === undefined) throw new Error('which name?')
  if (extra.length > 0) throw new Error(`'${extra[0]}' is one argument too many`)
  const server = readAddress(values.server, 53)
  if (server === undefined || server.port === 0) {
    throw new Error(`'${values.server}' is no server; expected HOST, HOST:PORT or [IPV6]:PORT`)
  }
  return {
    server,
    name: values.reverse ? readReverse(name) : readName(name),
    type: readCode(type ?? (values.reverse ? 'PTR' : 'A'), 'TYPE', { ...Packet.TYPE, ...Type }),
    class: readCode(qclass ?? 'IN', 'CLASS', Class),
    tcp: values.tcp,
    short: values.short,
    bufferOctets: readNumber(values.bufsize, '--bufsize', 0, 65535),
    timeoutMs: readNumber(values.timeout, '--timeout', 1, 600_000),
  }
}

function readReverse(text: string): string {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`'${text}' is no IP address`)
  return reverseName(address)
}

function readName(text: string): string {
  const ascii = Buffer.byteLength(text) === text.length ? text : domainToASCII(text)
  const wire = ascii === '' ? undefined : parseName(ascii)
  if (wire === undefined) throw new Error(`'${text}' is no domain name`)
  const name = formatName(wire)
  if (name.includes('\\')) throw new Error(`'${text}' has octets that lookup cannot ask for; use dig`)
  return name
}

/** A code by its name, or as RFC 3597 section 5 writes any of them (`TYPE65`, `CLASS3`); 0 is reserved. */
function readCode(text: string, prefix: 'TYPE' | 'CLASS', names: Readonly<Record<string, number>>): number {
  const name = text.toUpperCase()
  if (Object.hasOwn(names, name)) return names[name]
  const code =
    name.startsWith(prefix) && /^\d{1,5}$/.test(name.slice(prefix.length)) ? Number(name.slice(prefix.length)) : 0
  if (code < 1 || code > 65535) throw new Error(`unknown ${prefix.toLowerCase()} '${text}'`)
  return code
}

function readNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1
  if (value < min || value > max) throw new Error(`bad value '${text}' for ${option}; expected ${min} to ${max}`)
  return value
}

function makeQuery(options: Options): Packet {
  const query = new Packet()
  query.header = new Packet.Header({ id: Packet.uuid(), rd: 1 })
  query.questions.push(new Packet.Question(options.name, options.type, options.class))
  if (options.bufferOctets > 0) {
    // OPT belongs to the root; dns2 encodes a missing name as that.
    query.additionals.push(Packet.Resource.EDNS([], { udpPayloadSize: options.bufferOctets }))
  }
  return query
}

// --- the exchange

async function resolveServer({ host, port }: Address): Promise<Endpoint> {
  const family = isIP(host)
  if (family === 4 || family === 6) return { host, address: host, family, port }
  const found = await resolveHost(host === '' ? 'localhost' : host)
  return { host, address: found.address, family: found.family === 6 ? 6 : 4, port }
}

async function askUdp(query: Packet, endpoint: Endpoint, { timeoutMs }: Options): Promise<Received> {
  const socket = createSocket(endpoint.family === 6 ? 'udp6' : 'udp4')
  const deadline = AbortSignal.timeout(timeoutMs)
  let ignored = ''
  try {
    // Connected, so that the kernel lets only this server's datagrams through and tells when nobody listens.
    socket.connect(endpoint.port, endpoint.address)
    await once(socket, 'connect', { signal: deadline })
    const message = await new Promise<Buffer>((resolve, reject) => {
      deadline.addEventListener('abort', () => reject(deadline.reason))
      socket.on('error', reject)
      socket.on('message', reply => {
        ignored = findMismatch(reply, query)
        if (ignored === '') resolve(reply)
      })
      socket.send(query.toBuffer())
    })
    return { message, packet: Packet.parse(message), transport: 'UDP' }
  } catch (error) {
    throw explain(error, deadline, timeoutMs, ignored)
  } finally {
    socket.close()
  }
}

async function askTcp(query: Packet, endpoint: Endpoint, { timeoutMs }: Options): Promise<Received> {
  const socket = connect(endpoint.port, endpoint.address)
  const deadline = AbortSignal.timeout(timeoutMs)
  // Whoever waits for the socket hears of it from `destroy`.
  deadline.addEventListener('abort', () => socket.destroy(new Error('timed out')))
  // readStream leaves the socket without a listener once it is done.
  socket.on('error', () => {})
  try {
    const message = query.toBuffer()
    const frame = Buffer.alloc(2)
    frame.writeUInt16BE(message.length)
    socket.write(Buffer.concat([frame, message]))
    const reply = await Packet.readStream(socket)
    const mismatch = findMismatch(reply, query)
    if (mismatch !== '') throw new Error(mismatch)
    return { message: reply, packet: Packet.parse(reply), transport: 'TCP' }
  } catch (error) {
    throw explain(error, deadline, timeoutMs, '')
  } finally {
    socket.destroy()
  }
}

/** Why a message is not the reply to the query; '' when it is. */
function findMismatch(message: Buffer, query: Packet): string {
  if (message.length < Packet.HEADER_SIZE) return `a message of ${message.length} octets came`
  const { id, qr } = Packet.Header.parse(message)
  if (qr !== 1) return 'a message came that is no reply'
  return id === query.header.id ? '' : `a reply came with the ID ${id}, not ${query.header.id}`
}

function explain(error: unknown, deadline: AbortSignal, timeoutMs: number, ignored: string): Error {
  if (!deadline.aborted) return error instanceof Error ? error : new Error(String(error))
  return new Error(`timed out after ${timeoutMs} ms${ignored === '' ? '' : ` (${ignored})`}`)
}
