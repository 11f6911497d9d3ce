// `kubezone fakeapi`: the in-process API alone, for kubectl, a DNS server or a test to talk to.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FakeApi } from '../fakeapi/fakeapi.ts'
import { UsageError } from './flags.ts'
import { HELP } from './help.ts'
import { createLog } from './log.ts'
import { fillApi } from './manifests.ts'

const DEFAULT_PORT = 8001
const OPTIONS = {
  manifests: { type: 'string', multiple: true },
  port: { type: 'string', default: String(DEFAULT_PORT) },
  tls: { type: 'boolean', default: false },
  kubeconfig: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Runs until SIGTERM or SIGINT; resolves with the exit code. Rejects with what a person can mend, as one line. */
export async function runFakeApi(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArgs(args)
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const manifests = values.manifests ?? []
  // `--manifests a b c`: what follows belongs to it, as for the server.
  if (positionals.length > 0 && manifests.length === 0) throw new UsageError(`extra argument '${positionals[0]}'`)
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
    throw new UsageError(`--port '${values.port}': a number from 0 to 65535 is expected`)
  }
  const api = new FakeApi()
  try {
    if (manifests.length > 0) await fillApi(api, [...manifests, ...positionals], createLog('text'))
    const url = await api.listen({ port: Number(values.port), tls: values.tls })
    process.stdout.write(`Kubernetes API on ${url}\n`)
    if (values.kubeconfig === undefined) {
      process.stdout.write(
        `Try: kubectl --server ${url}${values.tls ? ' --insecure-skip-tls-verify' : ''} get services -A\n`,
      )
    } else {
      writeFileSync(values.kubeconfig, api.kubeconfig(), { mode: 0o600 })
      process.stdout.write(`Try: kubectl --kubeconfig ${values.kubeconfig} get services -A\n`)
    }
    await new Promise<void>(resolve => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve())
    })
  } finally {
    await api.close()
  }
  return 0
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}
