import { Counter, Gauge, Histogram } from './cell.ts'
import type { Slab } from './slab.ts'

export type FamilyType = 'counter' | 'gauge' | 'histogram'

export interface Definition {
  type: FamilyType
  name: string
  help: string
  labelNames: readonly string[]
  /** Upper bounds of a histogram's buckets, ascending, without +Inf. */
  buckets: readonly number[]
}

/** How label values are told apart; not for the hot path, which holds its cell. */
export function seriesKey(labelValues: readonly string[]): string {
  return JSON.stringify(labelValues)
}

/** All series of one name. `cell` finds or makes the one with the given label values, in the order of the label names. */
export abstract class Family<Cell = unknown> {
  readonly definition: Definition
  private readonly slab: Slab
  private readonly cells = new Map<string, Cell>()
  private readonly width: number
  protected readonly bounds: Float64Array

  constructor(definition: Definition, slab: Slab) {
    this.definition = definition
    this.slab = slab
    this.bounds = Float64Array.from(definition.buckets)
    this.width = definition.type === 'histogram' ? definition.buckets.length + 2 : 1
    for (const { family, labelValues, index, width } of slab.series()) {
      if (family === definition.name && width === this.width) {
        this.cells.set(seriesKey(labelValues), this.makeCell(slab.cells, index))
      }
    }
  }

  /**
   * Throws when the number of values is not that of the label names. When the slab has no room left, the cell counts
   * into memory of its own, which is never shown: a flood of label values must not take the server down.
   */
  cell(labelValues: readonly string[] = []): Cell {
    const { name, labelNames } = this.definition
    if (labelValues.length !== labelNames.length) {
      throw new Error(`${name} has the labels (${labelNames.join(', ')}), not ${labelValues.length} values`)
    }
    const key = seriesKey(labelValues)
    let cell = this.cells.get(key)
    if (cell === undefined) {
      const series = this.slab.add(name, labelValues, this.width)
      if (series === undefined) return this.makeCell(new Float64Array(this.width), 0)
      cell = this.makeCell(this.slab.cells, series.index)
      this.cells.set(key, cell)
    }
    return cell
  }

  protected abstract makeCell(cells: Float64Array, index: number): Cell
}

/** A family whose series may also be read from elsewhere at each scrape. */
export abstract class ReadableFamily<Cell> extends Family<Cell> {
  readonly readers = new Map<string, { labelValues: readonly string[]; read: () => number }>()

  /**
   * Shows what `read` returns at each scrape; a later reader for the same label values takes the place of this one. Returns a function that
   * ends it, if it still is the one that is shown.
   */
  track(labelValues: readonly string[], read: () => number): () => void {
    const key = seriesKey(labelValues)
    const reader = { labelValues, read }
    this.readers.set(key, reader)
    return () => {
      if (this.readers.get(key) === reader) this.readers.delete(key)
    }
  }
}

export class CounterFamily extends ReadableFamily<Counter> {
  protected override makeCell(cells: Float64Array, index: number): Counter {
    return new Counter(cells, index)
  }
}

export class GaugeFamily extends ReadableFamily<Gauge> {
  protected override makeCell(cells: Float64Array, index: number): Gauge {
    return new Gauge(cells, index)
  }
}

export class HistogramFamily extends Family<Histogram> {
  protected override makeCell(cells: Float64Array, index: number): Histogram {
    return new Histogram(cells, index, this.bounds)
  }
}
