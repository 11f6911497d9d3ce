import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { listPureMappings } from '../../src/cli/memory.ts'

const SMAPS = `00400000-0082e000 r--p 00000000 fe:00 1234                              /usr/local/bin/node
Size:               4280 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
0082e000-03489000 r-xp 0042e000 fe:00 1234                              /usr/local/bin/node
Size:              45420 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
03489000-03500000 r--p 03089000 fe:00 1234                              /usr/local/bin/node
Size:                476 kB
Anonymous:             8 kB
VmFlags: rd mr mw me
03500000-03600000 rw-p 03100000 fe:00 1234                              /usr/local/bin/node
Size:               1024 kB
Anonymous:             0 kB
7f0000000000-7f0000100000 r-xp 00000000 fe:00 99                        /usr/lib/libc.so.6
Anonymous:             0 kB
7f0000200000-7f0000300000 rw-p 00000000 00:00 0
Anonymous:             0 kB
`

void t.test('only pages that are still those of the file are let go', async t => {
  t.same(listPureMappings('/usr/local/bin/node', SMAPS), [
    '00400000-0082e000 r--p 00000000 fe:00 1234                              /usr/local/bin/node',
    '0082e000-03489000 r-xp 0042e000 fe:00 1234                              /usr/local/bin/node',
  ])
})

const skip = process.platform !== 'linux' && 'what is given back to the system is read from /proc'

void t.test('the young generation stays small, and relief gives back the rest', { skip }, async t => {
  const script = fileURLToPath(new URL('memory.ts', import.meta.url))
  const child = spawnSync(process.execPath, [script], { encoding: 'utf8' })
  t.equal(child.stderr, '')
  const { youngBytes, before, after } = JSON.parse(child.stdout)
  t.ok(youngBytes <= 4 << 20, `${youngBytes} octets`)
  t.ok(after.anonymousKib < before.anonymousKib, `${before.anonymousKib} to ${after.anonymousKib} KiB`)
  t.ok(after.fileKib < before.fileKib, `${before.fileKib} to ${after.fileKib} KiB`)
})
