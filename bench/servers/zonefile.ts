// Knot DNS and NSD: authoritative servers in C, which read the same names from zone files. One UDP worker each, as kubezone has one thread.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { zones } from '../cluster.ts'
import { type Contender, ask } from '../contender.ts'

function writeZones(directory: string): string[] {
  return Object.entries(zones).map(([zone, write]) => {
    writeFileSync(join(directory, `${zone}.zone`), write())
    return zone
  })
}

function writeConfig(directory: string, name: string, text: string): string {
  const file = join(directory, name)
  writeFileSync(file, text)
  return file
}

export const knot: Contender = {
  name: 'Knot DNS',
  program: 'knotd',
  get: 'apt-get install knot',
  version: file => /\d+\.\d+\.\d+/.exec(ask(file, '--version'))?.[0] ?? 'unknown',
  hasTcp: true,
  prepare(file, { directory, port }) {
    const config = `server:
  rundir: ${directory}
  listen: 127.0.0.1@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: ${directory}
template:
  - id: default
    storage: ${directory}
    zonefile-load: whole
    journal-content: none
zone:
${writeZones(directory)
  .map(zone => `  - domain: ${zone}\n    file: ${zone}.zone\n`)
  .join('')}`
    return { file, args: ['-c', writeConfig(directory, 'knot.conf', config)] }
  },
}

export const nsd: Contender = {
  name: 'NSD',
  program: 'nsd',
  get: 'apt-get install nsd',
  version: file => /\d+\.\d+\.\d+/.exec(ask(file, '-v'))?.[0] ?? 'unknown',
  hasTcp: true,
  prepare(file, { directory, port }) {
    const config = `server:
  ip-address: 127.0.0.1@${port}
  port: ${port}
  server-count: 1
  username: ""
  chroot: ""
  database: ""
  zonesdir: "${directory}"
  pidfile: "${directory}/nsd.pid"
  xfrdfile: "${directory}/xfrd.state"
  zonelistfile: "${directory}/zone.list"
  xfrdir: "${directory}"
  tcp-query-count: 0
  rrl-ratelimit: 0
remote-control:
  control-enable: no
${writeZones(directory)
  .map(zone => `zone:\n  name: ${zone}\n  zonefile: ${zone}.zone\n`)
  .join('')}`
    return { file, args: ['-d', '-c', writeConfig(directory, 'nsd.conf', config)] }
  },
}
