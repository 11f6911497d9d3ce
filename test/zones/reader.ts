// The other thread of concurrent.test.ts: reads without pause until it is told to stop, and reports what it cannot have seen.
//
// A set of version v at name i has 1 + v % 4 records; each is `i` and `v` in 32 bits, and so is the one additional record. Names below
// `steady` are always there; the others come and go.

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { Type } from '../../src/wire/constants.ts'
import type { WireName } from '../../src/wire/name.ts'
import { ZoneImage, NO_BLOCK, NO_ENTRY } from '../../src/zones/image.ts'

export interface ReaderInput {
  readonly buffer: SharedArrayBuffer
  readonly names: readonly WireName[]
  readonly steady: number
  /** 1: stop. */
  readonly stop: Int32Array
  /** How often it has read all names. */
  readonly rounds: Int32Array
  /** Where the buffers of handovers come in. */
  readonly handovers: MessagePort
}

export interface ReaderReport {
  reads: number
  missing: number
  handovers: number
  wrong: string[]
}

/** What cannot have been published, or undefined. */
export function findFault(image: ZoneImage, i: number, block: number): string | undefined {
  const entry = image.entry(block, Type.A)
  if (entry === NO_ENTRY) return `${i}: no set`
  const at = image.offset(block, entry)
  const version = image.bytes.readUInt32BE(at + 16)
  const count = image.count(entry)
  if (count !== 1 + (version % 4)) return `${i}: ${count} records of version ${version}`
  if (image.length(entry) !== count * 20) return `${i}: length ${image.length(entry)}`
  if (image.additionalCount(entry) !== 1) return `${i}: ${image.additionalCount(entry)} additional records`
  const ends = Array.from({ length: count }, (_, n) => at + (n + 1) * 20)
  ends.push(image.additionalOffset(block, entry) + image.additionalLength(entry))
  for (const end of ends) {
    const [owner, found] = [image.bytes.readUInt32BE(end - 8), image.bytes.readUInt32BE(end - 4)]
    if (owner !== i || found !== version) return `${i} version ${version}: octets of ${owner} version ${found}`
  }
  return undefined
}

function readOn({ buffer, names, steady, stop, rounds, handovers }: ReaderInput): ReaderReport {
  const image = new ZoneImage(buffer)
  const report: ReaderReport = { reads: 0, missing: 0, handovers: 0, wrong: [] }
  while (Atomics.load(stop, 0) === 0) {
    for (;;) {
      const received = receiveMessageOnPort(handovers)
      if (!received) break
      image.attach(received.message as SharedArrayBuffer)
      report.handovers++
    }
    for (const [i, name] of names.entries()) {
      const block = image.lookup(name, 0, name.length)
      report.reads++
      if (block === NO_BLOCK) {
        report.missing++
        if (i < steady) report.wrong.push(`${i}: missing`)
      } else {
        const fault = findFault(image, i, block)
        if (fault !== undefined) report.wrong.push(fault)
      }
    }
    Atomics.add(rounds, 0, 1)
    Atomics.notify(rounds, 0)
    if (report.wrong.length > 10) break
  }
  return report
}

if (parentPort) {
  parentPort.postMessage('ready', [])
  parentPort.postMessage(readOn(workerData as ReaderInput), [])
}
