import { once } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import t from 'tap'
import { Type } from '../../src/wire/constants.ts'
import { Journal } from '../../src/zones/journal.ts'
import { ZoneWriter } from '../../src/zones/writer.ts'
import { type HistorianInput, type HistorianReport, NAMES } from './historian.ts'
import { wireName } from './reference.ts'

const SERIALS = 1_000
const names = Array.from({ length: NAMES }, (_, i) => wireName(`e${i}.s${i % 10}.ns.svc.cluster.local.`))

void t.test('another thread has the zones of one serial, while the next ones are being made', async t => {
  const { port1, port2 } = new MessageChannel()
  const writer = new ZoneWriter([wireName('cluster.local.')])
  const publish = (): void => {
    const rdata = Buffer.alloc(4)
    rdata.writeUInt32BE(writer.serial + 1)
    for (const name of names) writer.publish(name, [{ type: Type.A, ttlSeconds: 5, rdata: [rdata] }])
    writer.serial++
  }
  publish()
  const journal = new Journal(writer)
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const workerData: HistorianInput = { memory: journal.memory, stop, handovers: port2 }
  const worker = new Worker(new URL('historian.ts', import.meta.url), { workerData, transferList: [port2] })
  t.teardown(() => worker.terminate())
  t.same(await once(worker, 'message'), ['ready'])
  for (let i = 0; i < SERIALS; i++) {
    publish()
    if (journal.advance()) port1.postMessage(journal.memory)
  }
  const reported = once(worker, 'message')
  Atomics.store(stop, 0, 1)
  const [report] = (await reported) as [HistorianReport]
  port1.close()
  t.same(report.wrong, [])
  t.ok(report.moments > 100, `${report.moments} moments, ${report.busy} times in vain`)
  t.ok(report.handovers > 0, `${report.handovers} handovers`)
})
