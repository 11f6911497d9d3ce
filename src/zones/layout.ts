// The zone image: everything that the server can answer for its zones, flat in one SharedArrayBuffer.
//
//   head   | 16 words of 32 bits
//   table  | the number of slots, a power of two, and the slots: 0 is free, 1 was freed, anything else is the offset of a block. Open addressing,
//          | linear probing, at most half full, by the hash of the lower-case wire name. It may move into the arena, behind the blocks that are there
//   arena  | blocks, each at a multiple of 4, one after the other
//
//   block  | hash, size, children, (name length | number of entries << 8 | flags << 16): 4 words
//          | entries of 6 words: (type | record count << 16), offset, length, then offset, length and count of additional records;
//          | offsets count from the block, so that a block can be moved as it is
//          | name, then the records in wire form. Owners are pointers into the question, so the client's spelling is kept
//
// One thread writes, any number read. The writer appends a whole block and then stores its offset into the slot, in one atomic store: a
// reader finds the old block or the new one. Blocks are never changed after that but for `children`, which only the writer reads; nor are they moved,
// where another thread reads or somebody holds on to where they are.

export const MAGIC = 0x6b7a6e31 // "kzn1"

/** Words of the head. */
export const Head = {
  Magic: 0,
  /** Where the table begins; octets. It says itself how long it is: as one word, both change at once. */
  Table: 1,
  /** Where the arena begins, and where the next block goes; octets. */
  ArenaStart: 2,
  ArenaEnd: 3,
  /** Octets of the arena that live blocks take. */
  LiveBytes: 4,
  /** Slots that are not free. */
  UsedSlots: 5,
  /** Names that exist. */
  Names: 6,
  /** Serial of the zones' SOA (RFC 1982). */
  Serial: 7,
  /** 1 from when all that the source holds has been published once. Until then a missing name is not known to be missing. */
  Complete: 8,
  /** Odd while what belongs together is being published: whoever copies the table then would have a part of it. */
  Version: 9,
  /** Counts what has been published and withdrawn. */
  Revision: 10,
  /** 1 where a snapshot was read to: what is there may have changed since. */
  Stale: 11,
  /** The serial of the names as they are now: it is that of the zones when the second is over that the last one was given in. */
  NextSerial: 12,
  /** How many hold on to where blocks are, from one turn of the event loop to another. */
  Holders: 13,
} as const

const HEAD_WORDS = 16

/** The table of an image that has one. */
export function readTable(buffer: SharedArrayBuffer, words: Uint32Array): Int32Array<SharedArrayBuffer> {
  const at = Atomics.load(words, Head.Table)
  return new Int32Array(buffer, at + 4, words[at >> 2])
}

/** A new one at `at`, all free. */
export function makeTable(
  buffer: SharedArrayBuffer,
  words: Uint32Array,
  at: number,
  slots: number,
): Int32Array<SharedArrayBuffer> {
  words[at >> 2] = slots
  Atomics.store(words, Head.Table, at)
  return new Int32Array(buffer, at + 4, slots)
}

/** Octets that it takes. */
export const tableBytes = (slots: number): number => (slots + 1) * 4

/** Where that of a new image lies. */
export const TABLE_START = HEAD_WORDS * 4
export const SLOT_FREE = 0
export const SLOT_FREED = 1

/** Words of a block's head, and of each entry. */
export const BLOCK_WORDS = 4
export const ENTRY_WORDS = 6

/** The name was published for its own sake, records or none; without it, it exists because of a name below it (RFC 8020). */
export const FLAG_OWN = 1
/** Records are to come, at the name and below: that something is not there says nothing yet. */
export const FLAG_AWAITED = 2
/** The records follow from the name's first label, an address with dashes. */
export const FLAG_COMPUTED = 4
