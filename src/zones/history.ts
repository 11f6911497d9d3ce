// The reading side of a journal: a moment of the image, and the steps that led to it. See journal.ts.

import type { Blocks } from './blocks.ts'
import { ZoneImage } from './image.ts'
import { HISTORY_HEAD_WORDS, HistoryHead, type HistoryMemory, STEP_WORDS } from './journal.ts'

/** From one serial to the next. */
export interface Step {
  readonly from: number
  readonly to: number
  readonly removed: Blocks
  readonly added: Blocks
}

/** Copied, so that it stays as it is. */
export interface Moment {
  readonly serial: number
  readonly blocks: Blocks
  /** What has changed since the serial that was asked for; undefined where that is not known. */
  readonly steps: Step[] | undefined
}

export class History {
  readonly #image: ZoneImage
  readonly #words: Uint32Array
  readonly #table: Int32Array
  readonly #steps: Uint8Array

  constructor({ image, history }: HistoryMemory) {
    this.#image = new ZoneImage(image)
    const tableAt = HISTORY_HEAD_WORDS * 4
    const { length } = this.#image.slots
    this.#words = new Uint32Array(history, 0, HISTORY_HEAD_WORDS)
    this.#table = new Int32Array(history, tableAt, length)
    this.#steps = new Uint8Array(history, tableAt + length * 4)
  }

  get serial(): number {
    return Atomics.load(this.#words, HistoryHead.Serial)
  }

  /** With the steps since the serial `since`. Undefined while the next moment is being written. */
  read(since: number | undefined): Moment | undefined {
    const words = this.#words
    const version = Atomics.load(words, HistoryHead.Version)
    if (version % 2 === 1) return undefined
    const serial = words[HistoryHead.Serial]
    const slots = this.#table.slice()
    const octets = since === undefined ? undefined : this.#steps.slice(0, words[HistoryHead.StepOctets])
    // A load would let reads before it come after it on some CPUs.
    if (Atomics.or(words, HistoryHead.Version, 0) !== version) return undefined
    const { bytes, words: imageWords } = this.#image
    const steps = octets && readSteps(octets).filter(step => isAfter(step.to, since!))
    const isKnown = serial === since || steps?.[0]?.from === since
    return { serial, blocks: { bytes, words: imageWords, slots }, steps: isKnown ? steps : undefined }
  }
}

/** RFC 1982 section 3.2. */
const isAfter = (serial: number, other: number): boolean => ((serial - other) | 0) > 0

function readSteps(octets: Uint8Array): Step[] {
  const bytes = Buffer.from(octets.buffer)
  const words = new Uint32Array(octets.buffer)
  const steps: Step[] = []
  for (let at = 0; at < octets.length; ) {
    const [size, from, to, removedOctets] = words.subarray(at >> 2, (at >> 2) + STEP_WORDS)
    const removedAt = at + STEP_WORDS * 4
    const list = (start: number, end: number): Blocks => {
      const slots: number[] = []
      for (let block = start; block < end; block += words[(block >> 2) + 1]) slots.push(block)
      return { bytes, words, slots: Int32Array.from(slots) }
    }
    const addedAt = removedAt + removedOctets
    steps.push({ from, to, removed: list(removedAt, addedAt), added: list(addedAt, at + size) })
    at += size
  }
  return steps
}
