// Messages for the tests: queries as octets, right and wrong, and a strict decoder that shares nothing with src/wire.

export interface QueryOptions {
  id?: number
  flags?: number
  qdcount?: number
  ancount?: number
  nscount?: number
  arcount?: number
  /** Octets of the question's name; by default `name` in wire form. */
  rawName?: Uint8Array
  name?: string
  type?: number
  class?: number
  edns?: EdnsOptions | undefined
  /** Octets after the question, before OPT. */
  records?: Uint8Array
}

export interface EdnsOptions {
  owner?: number[]
  size?: number
  version?: number
  dnssecOk?: boolean
}

/** `a.example.` as labels with their lengths; no escapes. */
export function wire(name: string): Buffer {
  const labels = name.split('.').filter(label => label !== '')
  return Buffer.concat([
    ...labels.map(label => Buffer.from([label.length, ...Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ])
}

export function buildQuery(options: QueryOptions = {}): Buffer {
  const { id = 1, flags = 0, qdcount = 1, ancount = 0, nscount = 0, edns, records = Buffer.alloc(0) } = options
  const header = Buffer.alloc(12)
  for (const [i, value] of [id, flags, qdcount, ancount, nscount, options.arcount ?? (edns ? 1 : 0)].entries()) {
    header.writeUInt16BE(value, i * 2)
  }
  const tail = Buffer.alloc(4)
  tail.writeUInt16BE(options.type ?? 1, 0)
  tail.writeUInt16BE(options.class ?? 1, 2)
  const name = options.rawName ?? wire(options.name ?? 'www.example.')
  const question = Array.from({ length: qdcount }, () => [name, tail]).flat()
  return Buffer.concat([header, ...question, records, edns ? buildOpt(edns) : Buffer.alloc(0)])
}

export function buildOpt({ owner = [0], size = 1232, version = 0, dnssecOk = false }: EdnsOptions): Buffer {
  const opt = Buffer.alloc(10)
  opt.writeUInt16BE(41, 0)
  opt.writeUInt16BE(size, 2)
  opt[5] = version
  opt[6] = dnssecOk ? 0x80 : 0
  return Buffer.concat([Buffer.from(owner), opt])
}

export interface DecodedRecord {
  owner: string
  type: number
  class: number
  ttl: number
  rdata: Buffer
}

export interface Message {
  id: number
  qr: boolean
  opcode: number
  aa: boolean
  tc: boolean
  rd: boolean
  ra: boolean
  ad: boolean
  cd: boolean
  /** With the upper bits from OPT. */
  rcode: number
  questions: { name: string; type: number; class: number }[]
  answers: DecodedRecord[]
  authorities: DecodedRecord[]
  /** Without OPT. */
  additionals: DecodedRecord[]
  edns: { size: number; version: number; dnssecOk: boolean } | undefined
}

/** Throws for whatever is not one whole, well-formed message. */
export function decode(bytes: Buffer): Message {
  let at = 12
  const word = (): number => {
    at += 2
    return bytes.readUInt16BE(at - 2)
  }
  const readName = (): string => {
    let text = ''
    let from = at
    let jumps = 0
    for (;;) {
      const length = bytes.readUInt8(from)
      if (length >= 0xc0) {
        if (jumps++ === 0) at = from + 2
        if (jumps > 10) throw new Error('pointer loop')
        from = bytes.readUInt16BE(from) & 0x3fff
      } else if (length > 63) throw new Error('label type')
      else if (length === 0) {
        if (jumps === 0) at = from + 1
        return text === '' ? '.' : text
      } else {
        if (from + 1 + length > bytes.length) throw new RangeError('label runs past the end')
        text += `${bytes.toString('latin1', from + 1, from + 1 + length)}.`
        from += 1 + length
      }
    }
  }
  const readRecords = (count: number): DecodedRecord[] =>
    Array.from({ length: count }, () => {
      const owner = readName()
      const [type, klass] = [word(), word()]
      const ttl = word() * 65_536 + word()
      const length = word()
      at += length
      if (at > bytes.length) throw new RangeError('rdata runs past the end')
      return { owner, type, class: klass, ttl, rdata: bytes.subarray(at - length, at) }
    })
  const flags = bytes.readUInt16BE(2)
  const questions = Array.from({ length: bytes.readUInt16BE(4) }, () => ({
    name: readName(),
    type: word(),
    class: word(),
  }))
  const answers = readRecords(bytes.readUInt16BE(6))
  const authorities = readRecords(bytes.readUInt16BE(8))
  const rest = readRecords(bytes.readUInt16BE(10))
  if (at !== bytes.length) throw new Error(`${bytes.length - at} octets after the message`)
  const opts = rest.filter(record => record.type === 41)
  if (opts.length > 1 || opts.some(opt => opt.owner !== '.')) throw new Error('OPT')
  const opt = opts[0]
  const has = (bit: number): boolean => (flags & bit) !== 0
  return {
    id: bytes.readUInt16BE(0),
    qr: has(0x8000),
    opcode: (flags >> 11) & 15,
    aa: has(0x400),
    tc: has(0x200),
    rd: has(0x100),
    ra: has(0x80),
    ad: has(0x20),
    cd: has(0x10),
    rcode: (flags & 15) | (opt ? Math.floor(opt.ttl / 0x1000000) << 4 : 0),
    questions,
    answers,
    authorities,
    additionals: rest.filter(record => record.type !== 41),
    edns: opt && { size: opt.class, version: (opt.ttl >> 16) & 255, dnssecOk: (opt.ttl & 0x8000) !== 0 },
  }
}
