import { once } from 'node:events'
import { MessageChannel, Worker } from 'node:worker_threads'
import t from 'tap'
import { Type } from '../../src/wire/constants.ts'
import type { Rrset } from '../../src/wire/rrset.ts'
import { ZoneImage } from '../../src/zones/image.ts'
import { ZoneWriter } from '../../src/zones/writer.ts'
import { type ReaderInput, type ReaderReport, findFault } from './reader.ts'
import { wireName } from './reference.ts'

const PUBLICATIONS = 100_000
const STEADY = 100
/** How often all names are read while the writer moves. */
const READS_IN_MOVE = 2
const PATIENCE_MS = 20_000
const NAMES = Array.from({ length: 200 }, (_, i) => wireName(`e${i}.s${i % 10}.ns.svc.cluster.local.`))

function version(i: number, v: number): Rrset[] {
  const rdata = Buffer.alloc(8)
  rdata.writeUInt32BE(i, 0)
  rdata.writeUInt32BE(v, 4)
  const record = { owner: NAMES[i], type: Type.A, ttlSeconds: 5, rdata }
  return [{ type: Type.A, ttlSeconds: 5, rdata: Array(1 + (v % 4)).fill(rdata), additional: [record] }]
}

void t.test(
  'a reader on another thread sees whole answers only, of the right name, while the writer writes',
  async t => {
    const { port1, port2 } = new MessageChannel()
    const rounds = new Int32Array(new SharedArrayBuffer(4))
    const waits: string[] = []
    const writer = new ZoneWriter([wireName('cluster.local.')], buffer => {
      // However long the writer takes to move: those that read go on with what they have.
      for (let seen = Atomics.load(rounds, 0), i = 0; i < READS_IN_MOVE; i++) {
        waits.push(Atomics.wait(rounds, 0, seen, PATIENCE_MS))
        seen = Atomics.load(rounds, 0)
      }
      port1.postMessage(buffer)
    })
    for (const i of NAMES.keys()) writer.publish(NAMES[i], version(i, 0))
    const stop = new Int32Array(new SharedArrayBuffer(4))
    const { buffer } = writer
    const workerData: ReaderInput = { buffer, names: NAMES, steady: STEADY, stop, rounds, handovers: port2 }
    const worker = new Worker(new URL('reader.ts', import.meta.url), { workerData, transferList: [port2] })
    t.teardown(() => worker.terminate())
    t.same(await once(worker, 'message'), ['ready'])
    for (let v = 1; v <= PUBLICATIONS; v++) {
      const i = (v * 7919) % NAMES.length
      if (i >= STEADY && v % 3 === 0) writer.withdraw(NAMES[i])
      else writer.publish(NAMES[i], version(i, v))
    }
    const reported = once(worker, 'message')
    Atomics.store(stop, 0, 1)
    const [report] = (await reported) as [ReaderReport]
    port1.close()
    t.same(report.wrong, [])
    t.ok(report.reads > NAMES.length, `${report.reads} reads`)
    t.ok(waits.length > 0)
    t.notOk(waits.includes('timed-out'), 'it read while the image was moving')
    const image = new ZoneImage(writer.buffer)
    for (let i = 0; i < STEADY; i++) t.equal(findFault(image, i, image.lookup(NAMES[i], 0, NAMES[i].length)), undefined)
  },
)

void t.test('what the reader looks for would be found', async t => {
  const writer = new ZoneWriter([wireName('cluster.local.')])
  const image = new ZoneImage(writer.buffer)
  const faultOf = (rrsets: Rrset[]): string | undefined => {
    writer.publish(NAMES[3], rrsets)
    return findFault(image, 3, image.lookup(NAMES[3], 0, NAMES[3].length))
  }
  const [whole] = version(3, 6)
  t.equal(faultOf([whole]), undefined)
  t.equal(faultOf([]), '3: no set')
  t.equal(faultOf([{ ...whole, rdata: whole.rdata.slice(1) }]), '3: 2 records of version 6')
  t.equal(faultOf([{ ...whole, rdata: version(3, 2)[0].rdata }]), '3 version 2: octets of 3 version 6')
  t.equal(faultOf(version(4, 6)), '3 version 6: octets of 4 version 6')
})
