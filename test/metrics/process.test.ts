import { execFileSync } from 'node:child_process'
import t from 'tap'
import { registerProcessMetrics } from '../../src/metrics/process.ts'
import { Registry } from '../../src/metrics/registry.ts'
import { type PageFamily, parsePage } from './page.ts'

function valueOf(page: Map<string, PageFamily>, name: string): number {
  return page.get(name)?.samples[0]?.value ?? Number.NaN
}

void t.test('describes the process with the names and types that dashboards ask for', async t => {
  const registry = new Registry()
  const stop = registerProcessMetrics(registry)
  t.teardown(stop)
  const page = parsePage(registry.render())
  const types = Object.fromEntries([...page].map(([name, family]) => [name, family.type]))
  t.match(types, {
    process_cpu_seconds_total: 'counter',
    process_resident_memory_bytes: 'gauge',
    process_start_time_seconds: 'gauge',
    nodejs_heap_size_used_bytes: 'gauge',
    nodejs_eventloop_lag_seconds: 'gauge',
    kubezone_metrics_dropped_series: 'gauge',
  })
  t.ok(valueOf(page, 'process_cpu_seconds_total') > 0)
  t.ok(valueOf(page, 'process_resident_memory_bytes') > 10e6)
  t.ok(valueOf(page, 'nodejs_heap_size_used_bytes') > 1e6)
  t.ok(valueOf(page, 'nodejs_eventloop_lag_seconds') >= 0)
  const started = valueOf(page, 'process_start_time_seconds')
  t.ok(started > Date.now() / 1000 - 600 && started <= Date.now() / 1000 + 1)
})

void t.test(
  'on Linux, tells open files, their limit and virtual memory',
  { skip: process.platform !== 'linux' },
  async t => {
    const registry = new Registry()
    t.teardown(registerProcessMetrics(registry))
    const page = parsePage(registry.render())
    const limit = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }))
    t.equal(valueOf(page, 'process_max_fds'), limit)
    t.ok(valueOf(page, 'process_open_fds') >= 3)
    t.ok(valueOf(page, 'process_virtual_memory_bytes') > valueOf(page, 'process_resident_memory_bytes'))
  },
)

function urlOf(file: string): string {
  return JSON.stringify(new URL(`../../src/metrics/${file}`, import.meta.url).href)
}

void t.test('collections of garbage are observed until measuring stops', async t => {
  const source = `
    import { Registry } from ${urlOf('registry.ts')}
    import { registerProcessMetrics } from ${urlOf('process.ts')}
    const registry = new Registry()
    const stop = registerProcessMetrics(registry)
    globalThis.gc()
    const until = () => {
      const line = registry.render().split('\\n').find(line => line.startsWith('nodejs_gc_duration_seconds_count{kind="major"'))
      if (line === undefined) return setTimeout(until, 5)
      stop()
      console.log(line.split(' ')[1])
    }
    until()`
  const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '--eval', source], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  t.ok(Number(output) >= 1)
})
