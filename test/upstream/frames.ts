// Frames of HTTP/2, right ones and wrong ones, as octets.

// RFC 9113 section 6.
export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9
export const ALTSVC = 10
export const ORIGIN = 12
export const END_STREAM = 1
export const ACK = 1
export const END_HEADERS = 4
export const PREFACE_LENGTH = 24
export const HEAD_LENGTH = 9

/** Numbers below a bound, the same for the same seed (mulberry32). */
export function makeRandom(seed: number): (bound: number) => number {
  let state = seed
  return bound => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % bound
  }
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(HEAD_LENGTH)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

export const words = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i)
  return bytes
}

export function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6)
  bytes.writeUInt16BE(id, 0)
  bytes.writeUInt32BE(value, 2)
  return frame(SETTINGS, 0, 0, bytes)
}

export const repeat = (count: number, bytes: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => bytes))

/** A field of a header, not indexed (RFC 7541 section 6.2.2); texts of less than 127 octets. */
export const field = (name: string, value: string): Buffer =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)])
/** `:status: 200` stands in the static table (RFC 7541 appendix A). */
export const GOOD_FIELDS = Buffer.concat([Buffer.from([0x88]), field('content-type', 'application/dns-message')])

export const randomBytes = (draw: (bound: number) => number, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => draw(256)))
