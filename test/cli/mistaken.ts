// Mistakes of a person, and what the process tells of them.

import type { Test } from 'tap'
import { kubezone, occupyTcp, occupyUdp } from './command.ts'

export interface Mistake {
  /** An empty object is a directory. `UDP` and `TCP` are ports that somebody else has. */
  files: Record<string, string | Record<string, never>>
  args: string
  /** The whole of the standard error, without what every line begins with. */
  err: string | RegExp
}

/** A block that serves `cluster.test` with these lines. */
export const site = (lines: string): string => `cluster.test:0 {\n    bind 127.0.0.1\n${lines}\n}\n`
export const kubernetes = (property = ''): string => site(`    kubernetes cluster.test {\n        ${property}\n    }`)

/** Each ends the process with 1 and one line on standard error. */
export async function makeMistakes(t: Test, mistakes: Readonly<Record<string, Mistake>>): Promise<void> {
  const ports = { UDP: await occupyUdp(t), TCP: await occupyTcp(t) }
  const withPorts = (text: string): string => text.replaceAll(/UDP|TCP/g, name => `${ports[name as 'UDP' | 'TCP']}`)
  const fill = (file: string | Record<string, never>) => (typeof file === 'string' ? withPorts(file) : file)
  const tests = Object.entries(mistakes).map(([name, { files, args, err }]) =>
    t.test(name, { buffered: true }, async (t: Test) => {
      const cwd = t.testdir(Object.fromEntries(Object.entries(files).map(([file, text]) => [file, fill(text)])))
      const ended = await kubezone(t, args.split(' ').map(withPorts), { cwd, input: '. { nothing\n}\n' }).ended
      t.match(ended, { code: 1, signal: null })
      t.match(ended.err, /^kubezone: [^\n]+\n$/)
      const text = ended.err.slice('kubezone: '.length, -1)
      if (typeof err === 'string') t.equal(text, withPorts(err))
      else t.match(text, err)
    }),
  )
  await Promise.all(tests)
}
