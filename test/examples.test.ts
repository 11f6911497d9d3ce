// The Corefiles that the project hands out can be served.

import { readFileSync } from 'node:fs'
import { pino } from 'pino'
import t from 'tap'
import { Site } from '../src/cli/site.ts'

for (const file of ['Corefile.example', 'examples/Corefile']) {
  void t.test(`${file} is understood`, async t => {
    const corefile = readFileSync(file, 'utf8')
    const site = new Site({ corefile, file, defaultPort: 53, log: pino({ enabled: false }), version: '0.0.0', env: {} })
    t.ok(site.keys.length > 0)
    await site.stop()
  })
}
