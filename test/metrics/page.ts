// A reader of the text format 0.0.4 that takes nothing on trust.

import assert from 'node:assert/strict'

export interface PageSample {
  name: string
  labels: Record<string, string>
  value: number
}

export interface PageFamily {
  type: string
  help: string
  samples: PageSample[]
}

/** Throws for anything that the format, or the order that we promise, does not allow. */
export function parsePage(text: string): Map<string, PageFamily> {
  const families = new Map<string, PageFamily>()
  if (text === '') return families
  assert.ok(text.endsWith('\n'), 'the last line ends with a newline')
  const lines = text.slice(0, -1).split('\n')
  let previous = ''
  for (let i = 0; i < lines.length; ) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) ((?:[^\\\n]|\\\\|\\n)*)$/.exec(lines[i++])
    assert.ok(help, `HELP first: ${lines[i - 1]}`)
    const name = help[1]
    assert.ok(name > previous, `families ascend, each once: ${name} after ${previous}`)
    previous = name
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(lines[i++])
    assert.ok(type && type[1] === name, `TYPE behind HELP of ${name}`)
    const family: PageFamily = { type: type[2], help: help[2], samples: [] }
    while (i < lines.length && !lines[i].startsWith('#')) family.samples.push(parseSample(lines[i++]))
    assert.ok(family.samples.length > 0, `${name} has samples`)
    checkFamily(name, family)
    families.set(name, family)
  }
  return families
}

function parseSample(line: string): PageSample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/s.exec(line)
  assert.ok(match, `a sample: ${line}`)
  assert.match(match[3], /^(?:NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]\d\d+)?)$/)
  const labels: Record<string, string> = {}
  let rest = match[2] ?? ''
  while (rest !== '') {
    const label = /^([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?=.)|$)/s.exec(rest)
    assert.ok(label, `a label: ${rest}`)
    assert.ok(!(label[1] in labels), `label ${label[1]} once`)
    labels[label[1]] = label[2].replace(/\\(.)/gs, (_, char: string) => (char === 'n' ? '\n' : char))
    rest = rest.slice(label[0].length)
  }
  return { name: match[1], labels, value: parseNumber(match[3]) }
}

function parseNumber(text: string): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  return text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text)
}

function checkFamily(name: string, { type, samples }: PageFamily): void {
  const identities = samples.map(sample => JSON.stringify([sample.name, sample.labels]))
  assert.equal(new Set(identities).size, identities.length, `each series of ${name} once`)
  if (type !== 'histogram') {
    assert.ok(samples.every(sample => sample.name === name && !('le' in sample.labels)))
    return
  }
  for (let i = 0; i < samples.length; ) {
    let bound = Number.NEGATIVE_INFINITY
    let count = 0
    const { le: _, ...labels } = samples[i].labels
    for (; bound < Number.POSITIVE_INFINITY; i++) {
      assert.equal(samples[i].name, `${name}_bucket`)
      const { le, ...others } = samples[i].labels
      assert.deepEqual(others, labels)
      assert.ok(parseNumber(le) > bound, 'bounds ascend')
      assert.ok(samples[i].value >= count, 'buckets are cumulative')
      bound = parseNumber(le)
      count = samples[i].value
    }
    assert.deepEqual([samples[i].name, samples[i].labels], [`${name}_sum`, labels])
    assert.deepEqual(samples[i + 1], { name: `${name}_count`, labels, value: count })
    i += 2
  }
}
