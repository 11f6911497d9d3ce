import type { ApiResponse } from './connection.ts'

/** No object of the API comes near this: etcd takes 1.5 MB at the most. What is longer is not an API server. */
export const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024

/**
 * Cuts a stream of bytes into lines, the form of a watch: one JSON document to a line. Only whole lines are decoded, so
 * a UTF-8 sequence that two chunks share comes out whole.
 */
export class LineSplitter {
  readonly #maxLineBytes: number
  #pending: Uint8Array[] = []
  #pendingBytes = 0

  constructor(maxLineBytes = MAX_DOCUMENT_BYTES) {
    this.#maxLineBytes = maxLineBytes
  }

  /** Bytes of a line that has not ended. When the stream is over, more than none means that it was cut off. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /**
   * Hands each line that `chunk` completes to `take`, without its end, for the time of the call; empty lines are left out. What is in the chunk may
   * be written over afterwards. Throws RangeError when a line is too long.
   */
  push(chunk: Uint8Array, take: (line: Uint8Array) => void): void {
    let start = 0
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = this.#complete(chunk.subarray(start, end))
      start = end + 1
      if (line.length > 0) take(line)
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
  }

  #complete(end: Uint8Array): Uint8Array {
    const bytes = this.#pendingBytes + end.length
    if (bytes > this.#maxLineBytes) this.#refuse(bytes)
    if (this.#pending.length === 0) return end
    const line = Buffer.concat([...this.#pending, end], bytes)
    this.#pending = []
    this.#pendingBytes = 0
    return line
  }

  /** A copy, as the chunk is someone else's. */
  #keep(piece: Uint8Array): void {
    this.#pending.push(Buffer.from(piece))
    this.#pendingBytes += piece.length
    if (this.#pendingBytes > this.#maxLineBytes) this.#refuse(this.#pendingBytes)
  }

  #refuse(bytes: number): never {
    this.#pending = []
    this.#pendingBytes = 0
    throw new RangeError(`a line of ${bytes} bytes or more, where ${this.#maxLineBytes} is the most`)
  }
}

/** The text of UTF-8 octets; a wrong sequence becomes U+FFFD, which no name of Kubernetes can hold. */
export function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

/** The text of a body that is short; what is beyond `maxBytes` is left unread. */
export async function readText(response: Pick<ApiResponse, 'read'>, maxBytes: number): Promise<string> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  await response.read(piece => {
    pieces.push(Buffer.from(piece))
    bytes += piece.length
    return bytes <= maxBytes
  })
  return decode(Buffer.concat(pieces))
}
