import {
  type Definition,
  type Family,
  CounterFamily,
  GaugeFamily,
  HistogramFamily,
  ReadableFamily,
  seriesKey,
} from './family.ts'
import { renderFamily, type Sample } from './exposition.ts'
import { createSlab, Slab } from './slab.ts'

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/**
 * The metrics of one thread, and the page that shows those of all.
 *
 * Each thread has a registry over its own slab and defines the families that it counts in. The thread that is scraped
 * defines all families, makes the slabs of the others (`newSlab`, handed over with `workerData`), and adds them up.
 */
export class Registry {
  private readonly slab: Slab
  private readonly slabs: Slab[]
  private readonly families = new Map<string, Family>()

  /** `buffer` is a slab that another registry made; without it the registry makes its own. */
  constructor(buffer: SharedArrayBuffer = createSlab()) {
    this.slab = new Slab(buffer)
    this.slabs = [this.slab]
  }

  /** A slab for another thread, which is part of the page from now on. Series of all slabs are added up, gauges too. */
  newSlab(): SharedArrayBuffer {
    const slab = new Slab(createSlab())
    this.slabs.push(slab)
    return slab.buffer
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): CounterFamily {
    return this.define({ type: 'counter', name, help, labelNames, buckets: [] }, CounterFamily)
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): GaugeFamily {
    return this.define({ type: 'gauge', name, help, labelNames, buckets: [] }, GaugeFamily)
  }

  /** `buckets` are the upper bounds, ascending, without +Inf. */
  histogram(name: string, help: string, labelNames: readonly string[], buckets: readonly number[]): HistogramFamily {
    const ascending = buckets.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > buckets[i - 1]))
    if (!ascending) throw new Error(`the buckets of ${name} are not ascending numbers: ${buckets.join(', ')}`)
    return this.define({ type: 'histogram', name, help, labelNames, buckets }, HistogramFamily)
  }

  /** The page in the text format of Prometheus, version 0.0.4. Families without series are left out. */
  render(): string {
    const samples = this.collect()
    const names = [...samples.keys()].sort()
    return names
      .map(name => renderFamily((this.families.get(name) as Family).definition, samples.get(name) ?? []))
      .join('')
  }

  /** The same definition again (a second server block, a reload) is the same family; another one throws. */
  private define<F extends Family>(definition: Definition, make: new (definition: Definition, slab: Slab) => F): F {
    const { name, labelNames } = definition
    const known = this.families.get(name)
    if (known !== undefined) {
      if (known instanceof make && JSON.stringify(known.definition) === JSON.stringify(definition)) return known
      throw new Error(`metric ${name} is already defined in another way`)
    }
    if (!METRIC_NAME.test(name)) throw new Error(`'${name}' is no name of a metric`)
    const badLabel = labelNames.find(label => !LABEL_NAME.test(label) || label.startsWith('__') || label === 'le')
    if (badLabel !== undefined) throw new Error(`'${badLabel}' is no name of a label (metric ${name})`)
    const family = new make(definition, this.slab)
    this.families.set(name, family)
    return family
  }

  /** By family: the series of all slabs, added up, and what the readers say now. */
  private collect(): Map<string, Sample[]> {
    const families = new Map<string, Map<string, Sample>>()
    const seriesOf = (name: string, labelValues: readonly string[], width: number): Sample => {
      const family = families.get(name) ?? new Map<string, Sample>()
      families.set(name, family)
      const key = seriesKey(labelValues)
      const sample = family.get(key) ?? { labelValues, cells: new Float64Array(width) }
      family.set(key, sample)
      return sample
    }
    for (const slab of this.slabs) {
      for (const { family, labelValues, index, width } of slab.series()) {
        if (!this.families.has(family)) continue
        const { cells } = seriesOf(family, labelValues, width)
        for (let i = 0; i < cells.length; i++) cells[i] += slab.cells[index + i]
      }
    }
    for (const [name, family] of this.families) {
      if (!(family instanceof ReadableFamily)) continue
      for (const { labelValues, read } of family.readers.values()) seriesOf(name, labelValues, 1).cells[0] += read()
    }
    return new Map([...families].map(([name, series]) => [name, [...series.values()]]))
  }

  /** The thread that counted there has ended: what it had at the end, it has no more. What it has counted stays. */
  clearGauges(buffer: SharedArrayBuffer): void {
    const slab = this.slabs.find(slab => slab.buffer === buffer)
    for (const { family, index } of slab?.series() ?? []) {
      if (this.families.get(family)?.definition.type === 'gauge') slab!.cells[index] = 0
    }
  }

  /** Series that found no room in their slab and are not shown. */
  droppedSeriesCount(): number {
    return this.slabs.reduce((sum, slab) => sum + slab.droppedCount(), 0)
  }
}
