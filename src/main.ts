// The command line. The only place that ends the process.

import { UsageError } from './cli/flags.ts'
import { keepHeapSmall } from './cli/memory.ts'
import { writeOut } from './cli/output.ts'

/** Commands are loaded when they are asked for: a pod that serves pays for nothing else. */
async function main([command, ...rest]: readonly string[]): Promise<number> {
  switch (command) {
    case 'try':
      return serve(rest, true)
    case 'lookup':
      return (await import('./cli/lookup.ts')).lookup(rest, line => writeOut(`${line}\n`))
    case 'check':
      return (await import('./cli/check.ts')).check(rest)
    case 'fakeapi':
      return (await import('./cli/fakeapi.ts')).runFakeApi(rest)
    default:
      return serve(command === undefined ? [] : [command, ...rest], false)
  }
}

async function serve(args: readonly string[], isTrial: boolean): Promise<number> {
  const { serve } = await import('./cli/serve.ts')
  keepHeapSmall()
  return serve(args, isTrial)
}

/** One line, without a stack: what reaches this place is something that a person can mend. */
function explain(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

// No packet and no event may end the server: what nobody has caught is told, and it goes on.
process.on('uncaughtException', error => {
  writeOut(`[ERROR] uncaught: ${error.stack ?? error.message}\n`, 2)
})
process.on('unhandledRejection', reason => {
  writeOut(`[ERROR] unhandled: ${reason instanceof Error ? reason.stack : String(reason)}\n`, 2)
})

try {
  process.exit(await main(process.argv.slice(2)))
} catch (error) {
  writeOut(`kubezone: ${explain(error)}\n`, 2)
  process.exit(error instanceof UsageError ? 2 : 1)
}
