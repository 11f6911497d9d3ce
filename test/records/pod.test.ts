import t from 'tap'
import { podRecords } from '../../src/records/pod.ts'
import { zoneLines } from './lines.ts'
import { ORIGIN } from './objects.ts'

void t.test('a Pod is named after its address, with dashes', async t => {
  for (const [podIP, label] of [
    ['10.240.0.1', '10-240-0-1'],
    ['fd00::1', 'fd00--1'],
    ['::1', '--1'],
    ['1234::', '1234--'],
    ['1:2:3:4:5:6:7:8', '1-2-3-4-5-6-7-8'],
  ]) {
    const name = `${label}.ns.pod.cluster.local.`
    const type = podIP.includes(':') ? 'AAAA' : 'A'
    t.same(zoneLines([podRecords('ns', podIP, ORIGIN, 7)!]), [
      `${name} 7 IN ${type} ${podIP}`,
      `${name} 7 IN SRV 0 100 0 ${name}`,
      `; ${name} 7 IN ${type} ${podIP}`,
    ])
  }
})

void t.test('what is no address has no name', async t => {
  for (const podIP of ['', 'nonsense', '10.0.0.01']) t.equal(podRecords('ns', podIP, ORIGIN, 5), undefined, podIP)
})
