// What a server over HTTPS may do wrong with a question, in the frames of HTTP/2 (RFC 9113), and where it does all that it may.

import type net from 'node:net'
import {
  ACK,
  ALTSVC,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  GOAWAY,
  GOOD_FIELDS,
  HEADERS,
  ORIGIN,
  PING,
  PRIORITY,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  WINDOW_UPDATE,
  field,
  frame,
  randomBytes,
  repeat,
  setting,
  words,
} from './frames.ts'

/** The connection that a question came on. */
interface Opposite {
  readonly socket: net.Socket
  /** Streams that have been opened, the last few. */
  readonly streams: ReadonlySet<number>
  /** Streams that get this when they have been reset. */
  readonly late: Map<number, Buffer>
}

/** A question: its stream, the octets of its answer. */
export interface Asked {
  readonly connection: Opposite
  readonly stream: number
  readonly answer: Buffer
}

/** Octets are written. */
export type Way = (asked: Asked) => Buffer | undefined

const begin = ({ stream }: Asked): Buffer => frame(HEADERS, END_HEADERS, stream, GOOD_FIELDS)
const good = (asked: Asked): Buffer =>
  Buffer.concat([begin(asked), frame(DATA, END_STREAM, asked.stream, asked.answer)])
const reset = ({ stream }: Asked, code: number): Buffer => frame(RST_STREAM, 0, stream, words(code))
const each = ({ connection }: Asked, write: (stream: number) => Buffer): Buffer =>
  Buffer.concat([...connection.streams].map(write))

/** With numbers below a bound. */
export const makeWays = (draw: (bound: number) => number): Readonly<Record<string, Way>> => ({
  good,
  silence: () => undefined,
  begins: begin,
  'headers-end': ({ stream }) => frame(HEADERS, END_HEADERS | END_STREAM, stream, GOOD_FIELDS),
  half: asked => Buffer.concat([begin(asked), frame(DATA, 0, asked.stream, asked.answer.subarray(0, 20))]),
  'half-reset': asked =>
    Buffer.concat([begin(asked), frame(DATA, 0, asked.stream, asked.answer.subarray(0, 20)), reset(asked, draw(14))]),
  reset: asked => reset(asked, draw(14)),
  refuse: asked => reset(asked, 7),
  'reset-all': asked => each(asked, stream => frame(RST_STREAM, 0, stream, words(draw(14)))),
  'reset-answer': asked => Buffer.concat([reset(asked, 8), good(asked)]),
  'answer-reset': asked => Buffer.concat([good(asked), reset(asked, draw(14))]),
  'answer-all': asked =>
    each(asked, stream => Buffer.concat([begin({ ...asked, stream }), frame(DATA, END_STREAM, stream, asked.answer)])),
  twice: asked => Buffer.concat([good(asked), good(asked)]),
  'error-status': ({ stream }) => frame(HEADERS, END_HEADERS, stream, Buffer.from([0x8e])),
  'no-status': ({ stream }) => frame(HEADERS, END_HEADERS, stream, field('content-type', 'text/html')),
  'bad-status': ({ stream }) => frame(HEADERS, END_HEADERS, stream, field(':status', '99999')),
  'early-hints': ({ stream }) => repeat(200, frame(HEADERS, END_HEADERS, stream, field(':status', '103'))),
  trailers: asked =>
    Buffer.concat([
      begin(asked),
      frame(DATA, 0, asked.stream, asked.answer),
      frame(HEADERS, END_HEADERS | END_STREAM, asked.stream, field('x', 'y')),
    ]),
  oversized: asked => Buffer.concat([begin(asked), repeat(5, frame(DATA, 0, asked.stream, Buffer.alloc(14_000)))]),
  late: asked => {
    asked.connection.late.set(asked.stream, frame(DATA, 0, asked.stream, Buffer.alloc(16_000)))
    return begin(asked)
  },
  flow: asked => Buffer.concat([begin(asked), repeat(20, frame(DATA, 0, asked.stream, Buffer.alloc(16_384)))]),
  'empty-data': asked => Buffer.concat([begin(asked), repeat(1_500, frame(DATA, 0, asked.stream))]),
  'long-length': asked =>
    frame(HEADERS, END_HEADERS, asked.stream, Buffer.concat([GOOD_FIELDS, field('content-length', '70000')])),
  'wrong-length': asked =>
    Buffer.concat([
      frame(HEADERS, END_HEADERS, asked.stream, Buffer.concat([GOOD_FIELDS, field('content-length', '7')])),
      frame(DATA, END_STREAM, asked.stream, asked.answer),
    ]),
  leave: asked => Buffer.concat([frame(GOAWAY, 0, 0, words(asked.stream, 0)), good(asked)]),
  'leave-low': () => frame(GOAWAY, 0, 0, words(0, 0)),
  'leave-twice': asked =>
    Buffer.concat([frame(GOAWAY, 0, 0, words(2 ** 31 - 1, 0)), frame(GOAWAY, 0, 0, words(1, 0)), good(asked)]),
  'leave-error': () => frame(GOAWAY, 0, 0, words(0, 1 + draw(13))),
  'leave-error-answer': asked =>
    Buffer.concat([
      begin(asked),
      frame(GOAWAY, 0, 0, words(2 ** 31 - 1, 2)),
      frame(DATA, 0, asked.stream, asked.answer),
      good(asked),
    ]),
  'data-leave-data': asked =>
    Buffer.concat([
      begin(asked),
      frame(DATA, 0, asked.stream, asked.answer.subarray(0, 9)),
      frame(GOAWAY, 0, 0, words(2 ** 31 - 1, 11)),
      frame(DATA, 0, asked.stream, asked.answer),
      each(asked, stream => frame(DATA, 0, stream, asked.answer)),
    ]),
  unknown: ({ answer }) => Buffer.concat([frame(DATA, END_STREAM, 2 ** 31 - 1, answer), frame(77, 0, 0, answer)]),
  'never-opened': () => frame(RST_STREAM, 0, 2 ** 31 - 1, words(8)),
  garbage: () => randomBytes(draw, 100),
  'garbage-frame': ({ stream }) => frame(draw(14), draw(256), draw(2) * stream, randomBytes(draw, draw(40))),
  hpack: ({ stream }) => frame(HEADERS, END_HEADERS, stream, randomBytes(draw, 30)),
  'huge-frame': ({ stream }) => frame(DATA, 0, stream, Buffer.alloc(20_000)),
  'huge-header': asked =>
    Buffer.concat([
      frame(HEADERS, 0, asked.stream, GOOD_FIELDS),
      repeat(7, frame(CONTINUATION, 0, asked.stream, repeat(60, field('x'.repeat(100), 'y'.repeat(100))))),
      frame(CONTINUATION, END_HEADERS, asked.stream),
      frame(DATA, END_STREAM, asked.stream, asked.answer),
    ]),
  'many-fields': asked =>
    Buffer.concat([
      frame(HEADERS, END_HEADERS, asked.stream, Buffer.concat([GOOD_FIELDS, repeat(900, field('x', 'y'))])),
      frame(DATA, END_STREAM, asked.stream, asked.answer),
    ]),
  continuations: asked =>
    Buffer.concat([frame(HEADERS, 0, asked.stream, GOOD_FIELDS), repeat(500, frame(CONTINUATION, 0, asked.stream))]),
  'no-continuation': asked =>
    Buffer.concat([frame(HEADERS, 0, asked.stream, GOOD_FIELDS), frame(PING, 0, 0, words(1, 2))]),
  pings: () => repeat(5_000, frame(PING, 0, 0, words(1, 2))),
  'pings-acknowledged': () => repeat(50, frame(PING, ACK, 0, words(1, 2))),
  settings: () => repeat(5_000, setting(3, 100)),
  'settings-acknowledged': () => repeat(50, frame(SETTINGS, ACK, 0)),
  'settings-bad': () => setting(4, 2 ** 31),
  'no-streams': () => setting(3, 0),
  'one-stream': asked => Buffer.concat([setting(3, 1), good(asked)]),
  'no-window': asked => Buffer.concat([setting(4, 0), good(asked)]),
  window: () => repeat(2, frame(WINDOW_UPDATE, 0, 0, words(2 ** 31 - 1))),
  'stream-window': ({ stream }) => repeat(2, frame(WINDOW_UPDATE, 0, stream, words(2 ** 31 - 1))),
  'window-zero': ({ stream }) => frame(WINDOW_UPDATE, 0, stream, words(0)),
  push: ({ stream }) => frame(PUSH_PROMISE, END_HEADERS, stream, Buffer.concat([words(2), GOOD_FIELDS])),
  priority: ({ stream }) => frame(PRIORITY, 0, stream, Buffer.concat([words(stream), Buffer.alloc(1)])),
  services: asked =>
    Buffer.concat([
      frame(ALTSVC, 0, 0, Buffer.from('\x00\x01xh3=":1"', 'latin1')),
      frame(ORIGIN, 0, 0, Buffer.from('\x00\x09https://x', 'latin1')),
      good(asked),
    ]),
  'end-socket': ({ connection }) => {
    connection.socket.end()
    return undefined
  },
  'answer-end': asked => {
    asked.connection.socket.end(good(asked))
    return undefined
  },
  destroy: ({ connection }) => {
    connection.socket.destroy()
    return undefined
  },
  deaf: ({ connection }) => {
    connection.socket.pause()
    return undefined
  },
})
