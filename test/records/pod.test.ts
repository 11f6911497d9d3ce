import t from 'tap'
import { podRecords } from '../../src/records/pod.ts'
import { formatName } from '../../src/wire/name.ts'
import { zoneLines } from './lines.ts'
import { ORIGIN } from './objects.ts'

void t.test('a Pod is named after its address, with dashes, and the rest follows from the name', async t => {
  for (const [podIP, label] of [
    ['10.240.0.1', '10-240-0-1'],
    ['fd00::1', 'fd00--1'],
    ['::1', '--1'],
    ['1234::', '1234--'],
    ['1:2:3:4:5:6:7:8', '1-2-3-4-5-6-7-8'],
  ]) {
    const { owner, rrsets, isComputed } = podRecords('ns', podIP, ORIGIN, 7)!
    t.equal(formatName(owner), `${label}.ns.pod.cluster.local.`)
    t.same(rrsets, [])
    t.equal(isComputed, true)
  }
})

void t.test('an address whose name would be read as another one has its records written down', async t => {
  const name = '--ffff-10-240-0-1.ns.pod.cluster.local.'
  t.same(zoneLines([podRecords('ns', '::ffff:10.240.0.1', ORIGIN, 7)!]), [
    `${name} 7 IN AAAA ::ffff:af0:1`,
    `${name} 7 IN SRV 0 100 0 ${name}`,
    `; ${name} 7 IN AAAA ::ffff:af0:1`,
  ])
})

void t.test('a Pod without an address has no name', async t => {
  for (const podIP of ['', 'nonsense', '10.0.0.01']) t.equal(podRecords('ns', podIP, ORIGIN, 5), undefined, podIP)
})
