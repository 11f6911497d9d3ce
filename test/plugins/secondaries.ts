// Servers of others that take a zone from ours, where they are installed.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

interface SecondaryOptions {
  readonly zone: string
  /** Where it listens, on the loopback. */
  readonly port: number
  /** Where it has the zone from. */
  readonly primary: number
}

const knot = (directory: string, { zone, port, primary }: SecondaryOptions): [string, string] => [
  'knot.conf',
  `server:
    listen: 127.0.0.1@${port}
    rundir: ${directory}
database:
    storage: ${directory}
log:
  - target: stderr
    any: info
remote:
  - id: primary
    address: 127.0.0.1@${primary}
acl:
  - id: all
    address: 127.0.0.1
    action: [notify, transfer]
zone:
  - domain: ${zone}
    storage: ${directory}
    master: primary
    acl: all
`,
]

const nsd = (directory: string, { zone, port, primary }: SecondaryOptions): [string, string] => [
  'nsd.conf',
  `server:
    ip-address: 127.0.0.1@${port}
    username: ""
    chroot: ""
    database: ""
    zonesdir: "${directory}"
    pidfile: "${directory}/nsd.pid"
    xfrdfile: "${directory}/xfrd.state"
    xfrdir: "${directory}"
    zonelistfile: "${directory}/zone.list"
remote-control:
    control-enable: no
zone:
    name: ${zone}
    zonefile: "zone"
    allow-notify: 127.0.0.1 NOKEY
    request-xfr: AXFR 127.0.0.1@${primary} NOKEY
`,
]

const PROGRAMS = {
  knotd: { configure: knot, options: [] },
  nsd: { configure: nsd, options: ['-d'] },
}

type Program = keyof typeof PROGRAMS

export const isInstalled = (program: Program): boolean => spawnSync(program, ['-v']).error === undefined

/** It ends with the test. */
export class OtherSecondary {
  /** What it has said. */
  told = ''
  readonly #child: ChildProcess
  #read = 0

  constructor(t: Test, program: Program, secondary: SecondaryOptions) {
    const { configure, options } = PROGRAMS[program]
    const directory = mkdtempSync(join(tmpdir(), 'kubezone-secondary-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const [file, text] = configure(directory, secondary)
    writeFileSync(join(directory, file), text)
    this.#child = spawn(program, ['-c', join(directory, file), ...options], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#child.stderr!.on('data', (chunk: Buffer) => (this.told += chunk.toString()))
    t.teardown(async () => {
      await end(this.#child)
      if (!t.passing()) t.comment(this.told)
    })
  }

  /** Resolves when it has said this, behind what was waited for before. */
  async line(said: RegExp): Promise<void> {
    for (;;) {
      const found = said.exec(this.told.slice(this.#read))
      if (found) {
        this.#read += found.index + found[0].length
        return
      }
      await once(this.#child.stderr!, 'data')
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  if (child.exitCode === null && child.kill()) await ended
}
