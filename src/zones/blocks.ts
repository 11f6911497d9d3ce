// Blocks and where they are: what a transfer is made from, be it an image as it was at one moment or what has changed in one.

import { Type } from '../wire/constants.ts'
import type { WireName } from '../wire/name.ts'
import { BLOCK_WORDS, ENTRY_WORDS } from './layout.ts'

export interface Blocks {
  readonly bytes: Buffer
  /** The same memory. */
  readonly words: Uint32Array
  /** Offsets of blocks; SLOT_FREE and SLOT_FREED are none. */
  readonly slots: Int32Array
}

const META = 3

export const nameLengthOf = ({ words }: Blocks, block: number): number => words[(block >> 2) + META] & 0xff

const countEntries = ({ words }: Blocks, block: number): number => (words[(block >> 2) + META] >> 8) & 0xff

/** Where the block's name is. */
export const nameAtOf = (blocks: Blocks, block: number): number =>
  block + (BLOCK_WORDS + countEntries(blocks, block) * ENTRY_WORDS) * 4

/** Whether the block's name is at or below `origin`. */
export function isWithin(blocks: Blocks, block: number, origin: WireName): boolean {
  const { bytes } = blocks
  const at = nameAtOf(blocks, block)
  const skip = nameLengthOf(blocks, block) - origin.length
  if (skip < 0) return false
  for (let i = 0; i < origin.length; i++) if (bytes[at + skip + i] !== origin[i]) return false
  // The same octets may also end the label of another name.
  let label = 0
  while (label < skip) label += bytes[at + label] + 1
  return label === skip
}

/**
 * The entries of the block that its zone has for secondaries. Beside a CNAME, none (RFC 2181 section 10.1): questions may be answered with more,
 * but servers do not load a zone that has it.
 */
export function zoneEntries(blocks: Blocks, block: number): number[] {
  const { words } = blocks
  const first = (block >> 2) + BLOCK_WORDS
  const entries = Array.from({ length: countEntries(blocks, block) }, (_, i) => first + i * ENTRY_WORDS)
  const cname = entries.find(entry => typeOf(words, entry) === Type.CNAME)
  return cname === undefined ? entries : [cname]
}

export const typeOf = (words: Uint32Array, entry: number): number => words[entry] & 0xffff

export const countRecords = (words: Uint32Array, entry: number): number => words[entry] >>> 16
