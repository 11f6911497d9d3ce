// What secondaries are given of an image: the zones as they were when the serial last moved, and what has changed from serial to serial
// (RFC 1995). Between two moves the image runs ahead of its serial, and a zone with a serial is always the same one.
//
//   head   | version, serial, octets of steps, nothing: 4 words
//   table  | that of the image, as it was at the serial. What it leads to stays: blocks never change, and an image is not written to any more
//          | once it has moved to other memory
//   steps  | the oldest first: size, serial before, serial after, octets of what was removed: 4 words; blocks of removed records, then of added
//          | ones
//
// One thread writes, any number read. The version is odd while it is being written; see history.ts.

import type { ZoneWriter } from './writer.ts'
import { type Delta, compareImages } from './delta.ts'
import { ZoneImage } from './image.ts'

export interface HistoryMemory {
  readonly image: SharedArrayBuffer
  readonly history: SharedArrayBuffer
}

export const HistoryHead = { Version: 0, Serial: 1, StepOctets: 2 } as const
export const HISTORY_HEAD_WORDS = 4
export const STEP_WORDS = 4

/** Of all steps. What is longer than the zones is of no use, so it is no more than the image has, either. */
const MAX_JOURNAL_OCTETS = 1 << 20
const MAX_JOURNAL_SERIALS = 512

export class Journal {
  readonly #writer: ZoneWriter
  #memory!: HistoryMemory
  #words!: Uint32Array
  #table!: Int32Array
  /** Where steps go. */
  #room!: Uint8Array
  #steps: Uint8Array[] = []

  /** Begins with the image as it is: `writer` has a serial. */
  constructor(writer: ZoneWriter) {
    this.#writer = writer
    this.#open()
    this.#store()
  }

  /** To be given to readers. */
  get memory(): HistoryMemory {
    return this.#memory
  }

  /** The serial has moved. Returns whether the memory is another one: readers that stay with the old one see no more changes. */
  advance(): boolean {
    const { buffer, serial } = this.#writer
    const before = new ZoneImage(this.#memory.image, this.#table)
    const delta = compareImages(before, new ZoneImage(buffer))
    this.#steps.push(encodeStep(this.#words[HistoryHead.Serial], serial, delta))
    const hasMoved = buffer !== this.#memory.image
    if (hasMoved) this.#open()
    this.#store()
    return hasMoved
  }

  #open(): void {
    const image = this.#writer.buffer
    const now = new ZoneImage(image)
    now.hold()
    const { slots } = now
    const tableAt = HISTORY_HEAD_WORDS * 4
    const stepsAt = tableAt + slots.length * 4
    const history = new SharedArrayBuffer(stepsAt + Math.min(MAX_JOURNAL_OCTETS, image.byteLength))
    this.#memory = { image, history }
    this.#words = new Uint32Array(history, 0, HISTORY_HEAD_WORDS)
    this.#table = new Int32Array(history, tableAt, slots.length)
    this.#room = new Uint8Array(history, stepsAt)
  }

  #store(): void {
    const steps = this.#keepSteps()
    const words = this.#words
    Atomics.add(words, HistoryHead.Version, 1)
    this.#table.set(new ZoneImage(this.#memory.image).slots)
    let at = 0
    for (const step of steps) {
      this.#room.set(step, at)
      at += step.length
    }
    words[HistoryHead.StepOctets] = at
    words[HistoryHead.Serial] = this.#writer.serial
    Atomics.add(words, HistoryHead.Version, 1)
  }

  /** Those that there is room for, the youngest without a gap; none where not even the last one fits. */
  #keepSteps(): Uint8Array[] {
    let octets = this.#steps.reduce((sum, { length }) => sum + length, 0)
    while (octets > this.#room.length || this.#steps.length > MAX_JOURNAL_SERIALS) octets -= this.#steps.shift()!.length
    return this.#steps
  }
}

function encodeStep(from: number, to: number, { removed, added }: Delta): Uint8Array {
  const removedOctets = removed.reduce((sum, { length }) => sum + length, 0)
  const size = added.reduce((sum, { length }) => sum + length, STEP_WORDS * 4 + removedOctets)
  const step = new Uint8Array(size)
  new Uint32Array(step.buffer).set([size, from, to, removedOctets])
  let at = STEP_WORDS * 4
  for (const block of [...removed, ...added]) {
    step.set(block, at)
    at += block.length
  }
  return step
}
