// What the hot path holds: a view of one series' cells. Nothing here allocates.

export class Counter {
  private readonly cells: Float64Array
  private readonly index: number

  constructor(cells: Float64Array, index: number) {
    this.cells = cells
    this.index = index
  }

  inc(by = 1): void {
    this.cells[this.index] += by
  }
}

export class Gauge {
  private readonly cells: Float64Array
  private readonly index: number

  constructor(cells: Float64Array, index: number) {
    this.cells = cells
    this.index = index
  }

  set(value: number): void {
    this.cells[this.index] = value
  }

  inc(by = 1): void {
    this.cells[this.index] += by
  }
}

/** Cells: one for each bucket, not cumulative; one for what is above all of them; the sum. */
export class Histogram {
  private readonly cells: Float64Array
  private readonly index: number
  private readonly bounds: Float64Array

  constructor(cells: Float64Array, index: number, bounds: Float64Array) {
    this.cells = cells
    this.index = index
    this.bounds = bounds
  }

  /** A value equal to a bound belongs to that bucket (`le`). */
  observe(value: number): void {
    const { bounds, cells, index } = this
    const count = bounds.length
    let bucket = 0
    // At most 20 bounds, and most values belong to the first few: cheaper than halving.
    while (bucket < count && value > bounds[bucket]) bucket++
    cells[index + bucket] += 1
    cells[index + count + 1] += value
  }
}
