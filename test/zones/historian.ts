// The other thread of journal-concurrent.test.ts: reads moments without pause until it is told to stop, and reports what it cannot have seen.
//
// At serial s each of NAMES holds one record, the number s. A step from s to s + 1 has all of them twice.

import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Blocks } from '../../src/zones/blocks.ts'
import { History } from '../../src/zones/history.ts'
import type { HistoryMemory } from '../../src/zones/journal.ts'
import { SLOT_FREED } from '../../src/zones/layout.ts'

export const NAMES = 50

export interface HistorianInput {
  readonly memory: HistoryMemory
  /** 1: stop. */
  readonly stop: Int32Array
  /** Where other memory comes in. */
  readonly handovers: MessagePort
}

export interface HistorianReport {
  moments: number
  /** Reads that were in vain, since the next moment was being written. */
  busy: number
  handovers: number
  wrong: string[]
}

/** What cannot have been published at `serial`, or undefined. */
function findFault(blocks: Blocks, serial: number): string | undefined {
  const { bytes, words, slots } = blocks
  const found = slots.filter(block => block > SLOT_FREED && ((words[(block >> 2) + 3] >> 8) & 0xff) > 0)
  if (found.length !== NAMES) return `${found.length} names at ${serial}`
  // One entry and one record: the number is at its end.
  const numbers = found.map(block => bytes.readUInt32BE(block + words[(block >> 2) + 5] + words[(block >> 2) + 6] - 4))
  return numbers.every(number => number === serial) ? undefined : `${[...new Set(numbers)].join()} at ${serial}`
}

function readOn({ memory, stop, handovers }: HistorianInput): HistorianReport {
  let history = new History(memory)
  const report: HistorianReport = { moments: 0, busy: 0, handovers: 0, wrong: [] }
  while (Atomics.load(stop, 0) === 0 && report.wrong.length < 10) {
    for (;;) {
      const received = receiveMessageOnPort(handovers)
      if (!received) break
      history = new History(received.message as HistoryMemory)
      report.handovers++
    }
    const moment = history.read(history.serial - 1)
    if (!moment) {
      report.busy++
      continue
    }
    report.moments++
    const { serial, blocks, steps = [] } = moment
    const faults = [findFault(blocks, serial)]
    for (const { from, to, removed, added } of steps) faults.push(findFault(removed, from), findFault(added, to))
    if (steps.length > 0 && steps.at(-1)!.to !== serial) faults.push(`${steps.at(-1)!.to} leads to ${serial}`)
    report.wrong.push(...faults.filter(fault => fault !== undefined))
  }
  return report
}

if (parentPort) {
  parentPort.postMessage('ready', [])
  parentPort.postMessage(readOn(workerData as HistorianInput), [])
}
