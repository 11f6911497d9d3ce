// A slab is the memory that one thread counts in. It describes itself: beside the cells stands a directory of which
// series each of them belongs to, so whoever holds the SharedArrayBuffer can read it while its owner goes on writing.
//
//   octet 0   Int32      octets of the directory that are published
//         4   Int32      series that found no room
//         8   Float64 ×  CELL_COUNT
//         …   directory: one line of JSON for each series, [family, [label value, …], first cell, cells]
//
// One thread writes, any thread reads. A cell is an aligned 64-bit float, which no 64-bit machine tears.

const HEADER_OCTETS = 8
// Pages that are never touched cost nothing. 64 Ki cells are 3,640 histograms of 18 cells.
const CELL_COUNT = 65_536
const DIRECTORY_OCTETS = 4 * 1024 * 1024
const DIRECTORY_START = HEADER_OCTETS + CELL_COUNT * Float64Array.BYTES_PER_ELEMENT

/** What one series has in a slab. */
export interface SlabSeries {
  family: string
  labelValues: readonly string[]
  /** Index of its first cell. */
  index: number
  /** Number of its cells. */
  width: number
}

export function createSlab(): SharedArrayBuffer {
  return new SharedArrayBuffer(DIRECTORY_START + DIRECTORY_OCTETS)
}

export class Slab {
  readonly buffer: SharedArrayBuffer
  readonly cells: Float64Array
  private readonly header: Int32Array
  private readonly directory: Uint8Array
  private readonly known: SlabSeries[] = []
  private readOctets = 0

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer
    this.header = new Int32Array(buffer, 0, 2)
    this.cells = new Float64Array(buffer, HEADER_OCTETS, CELL_COUNT)
    this.directory = new Uint8Array(buffer, DIRECTORY_START, DIRECTORY_OCTETS)
  }

  /** All series published so far, in the order of their creation. */
  series(): readonly SlabSeries[] {
    const end = Atomics.load(this.header, 0)
    if (end > this.readOctets) {
      // Text decoders refuse shared memory: copy first.
      const lines = Buffer.from(this.directory.slice(this.readOctets, end)).toString('utf8')
      for (const line of lines.split('\n').slice(0, -1)) {
        const [family, labelValues, index, width] = JSON.parse(line) as [string, string[], number, number]
        this.known.push({ family, labelValues, index, width })
      }
      this.readOctets = end
    }
    return this.known
  }

  /** Series that were refused because the slab is full. */
  droppedCount(): number {
    return Atomics.load(this.header, 1)
  }

  /** Reserves cells for a series and publishes it; only the owner of the slab may. Undefined when there is no room. */
  add(family: string, labelValues: readonly string[], width: number): SlabSeries | undefined {
    const last = this.series().at(-1)
    const index = last === undefined ? 0 : last.index + last.width
    const line = Buffer.from(`${JSON.stringify([family, labelValues, index, width])}\n`)
    const end = this.readOctets
    if (index + width > CELL_COUNT || end + line.length > DIRECTORY_OCTETS) {
      Atomics.add(this.header, 1, 1)
      return undefined
    }
    this.directory.set(line, end)
    Atomics.store(this.header, 0, end + line.length)
    return this.series().at(-1)
  }
}
