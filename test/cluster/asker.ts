// Runs in a Pod, by the Node of the image, until its standard input ends: a client that keeps one UDP socket, and programs that look names up by the resolver
// of the C library, which tries again as it does for any program. Writes what was lost as one line of JSON.

import dgram from 'node:dgram'
import dns from 'node:dns'
import { readFileSync } from 'node:fs'

const [name, ...lookups] = process.argv.slice(2)
/** 100 queries and 25 lookups a second. */
const QUERY_MS = 10
const LOOKUP_MS = 40
/** What is still on its way at the end may take this long: longer than the resolver tries. */
const LAST_MS = 2_000
const SIZE = 0x10000

const server = /^nameserver (\S+)/m.exec(readFileSync('/etc/resolv.conf', 'utf8'))![1]
const socket = dgram.createSocket('udp4').unref()
const labels = name.split('.').flatMap(label => [Buffer.from([label.length]), Buffer.from(label)])
const header = Buffer.from([0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
const query = Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])])
/** By the ID of the query; 0 when it was answered. The test is over before they are all used. */
const sentMs = new Float64Array(SIZE)
let sent = 0
socket.on('message', message => (sentMs[message.readUInt16BE(0)] = 0))
// Refused while no one has the address: what is lost is counted below.
socket.on('error', () => {})

const queries = setInterval(() => {
  if (sent === SIZE) return
  query.writeUInt16BE(sent, 0)
  sentMs[sent++] = Date.now()
  socket.send(query, 53, server)
}, QUERY_MS)

let looked = 0
const failed: string[] = []
const lookUps = setInterval(() => {
  const host = lookups[looked++ % lookups.length]
  const startMs = Date.now()
  dns.lookup(host, { family: 4 }, error => {
    if (error) failed.push(`${host}: ${error.code} after ${Date.now() - startMs} ms`)
  })
}, LOOKUP_MS)

process.stdin.on('end', () => {
  clearInterval(queries)
  clearInterval(lookUps)
  setTimeout(() => {
    const lost = sentMs.filter(ms => ms !== 0)
    const gapMs = lost.length === 0 ? 0 : lost[lost.length - 1] - lost[0]
    process.stdout.write(`${JSON.stringify({ sent, lost: lost.length, gapMs, looked, failed })}\n`)
  }, LAST_MS)
})
process.stdin.resume()
