import fc from 'fast-check'
import t from 'tap'
import { type Seen, play } from './histories.ts'
import { history } from './steps.ts'

/** `KUBEZONE_HISTORIES=2000 npx tap --timeout=3600 test/plugins/kubernetes/histories.test.ts` plays as many as that. */
const asked = process.env['KUBEZONE_HISTORIES']
const bounds = asked === undefined ? { numRuns: 50, interruptAfterTimeLimit: 20_000 } : { numRuns: Number(asked) }

void t.test(
  'whatever the API does, no answer is one that no state of it gave, and in the end the zone is that of the last',
  async t => {
    const total: Seen = { relists: 0, losses: 0, publications: 0 }
    let played = 0
    await fc.assert(
      fc.asyncProperty(history, async history => {
        const { faults, seen } = await play(history)
        total.relists += seen.relists
        total.losses += seen.losses
        total.publications += seen.publications
        played++
        if (faults.length > 0) throw new Error(faults.join('\n'))
      }),
      bounds,
    )
    const text = `${played} histories: ${JSON.stringify(total)}`
    t.ok(total.relists > played && total.losses > played / 10 && total.publications > 4 * played, text)
  },
)
