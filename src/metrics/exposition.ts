// The text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
// Where the format leaves room (order of labels, notation of numbers) as Prometheus's Go library writes it.

import type { Definition } from './family.ts'

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export interface Sample {
  labelValues: readonly string[]
  /** One value; of a histogram, as `cell.ts` lays it out. */
  cells: Float64Array
}

export function renderFamily(definition: Definition, samples: readonly Sample[]): string {
  const { name, help, type, labelNames, buckets } = definition
  const order = labelNames.map((label, i) => ({ label, i })).sort((a, b) => (a.label < b.label ? -1 : 1))
  const rows = samples.map(({ labelValues, cells }) => ({ values: order.map(({ i }) => labelValues[i]), cells }))
  rows.sort((a, b) => compareValues(a.values, b.values))
  let text = `# HELP ${name} ${help.replace(/[\\\n]/g, escape)}\n# TYPE ${name} ${type}\n`
  for (const { values, cells } of rows) {
    const labels = order.map(({ label }, i) => `${label}="${values[i].replace(/[\\\n"]/g, escape)}"`)
    if (type !== 'histogram') {
      text += `${name}${braces(labels)} ${formatNumber(cells[0])}\n`
      continue
    }
    let count = 0
    for (let i = 0; i <= buckets.length; i++) {
      count += cells[i]
      const bound = i < buckets.length ? formatNumber(buckets[i]) : '+Inf'
      text += `${name}_bucket${braces([...labels, `le="${bound}"`])} ${formatNumber(count)}\n`
    }
    text += `${name}_sum${braces(labels)} ${formatNumber(cells[buckets.length + 1])}\n`
    text += `${name}_count${braces(labels)} ${formatNumber(count)}\n`
  }
  return text
}

function braces(labels: readonly string[]): string {
  return labels.length === 0 ? '' : `{${labels.join(',')}}`
}

function escape(char: string): string {
  return char === '\n' ? '\\n' : `\\${char}`
}

function compareValues(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1
  }
  return 0
}

/** As Go's strconv.FormatFloat(value, 'g', -1, 64): the shortest digits, with an exponent below 1e-4 and from 1e+06 on. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  const [digits, exponent] = value.toExponential().split('e')
  const power = Number(exponent)
  if (value === 0 || (power >= -4 && power < 6)) return String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
