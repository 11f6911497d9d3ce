// Answers 200,000 queries that come over the loopback and prints what that did to the heap of the server. Needs --expose-gc.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { PerformanceObserver } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import v8 from 'node:v8'
import { answerWith, serve } from './handlers.ts'
import { buildQuery } from './message.ts'

const WARM_UP = 100_000
const RUNS = 200_000

const { server, port } = await serve(answerWith(1), { io: 'batch' })
const query = Buffer.from(buildQuery({ name: 'Web.Default.svc.cluster.local.', edns: {} })).toString('hex')
const script = fileURLToPath(new URL('load.ts', import.meta.url))

async function load(count: number): Promise<void> {
  const child = spawn(process.execPath, [script, String(port), String(count), query], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the client ended with ${code}`)
}

const allocated = (): number => v8.getHeapStatistics().total_allocated_bytes ?? 0

await load(WARM_UP)
globalThis.gc?.()
await new Promise(setImmediate)
let collections = 0
const observer = new PerformanceObserver(list => (collections += list.getEntries().length))
observer.observe({ entryTypes: ['gc'] })
const from = allocated()
await load(RUNS)
const octets = (allocated() - from) / RUNS
for (let turns = 0; turns < 5; turns++) await new Promise(setImmediate)
observer.disconnect()
await server.stop()
process.stdout.write(JSON.stringify({ collections, octets }))
