// `kubezone fakeapi`: the in-process API alone, for kubectl, a DNS server or a test to talk to.

import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { FakeApi } from '../fakeapi/fakeapi.ts'
import { explainBindError } from '../server/bind.ts'
import { joinHostPort } from '../wire/address.ts'
import { UsageError } from './flags.ts'
import { HELP } from './help.ts'
import { createLog } from './log.ts'
import { makeFilledApi } from './manifests.ts'
import { writeOut } from './output.ts'

const DEFAULT_PORT = 8001
/** Over HTTPS, kubectl asks the person for a name and a password when it has nothing to show. */
const INSECURE = ' --insecure-skip-tls-verify --token anyone'
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
    writeOut(HELP)
    return 0
  }
  const manifests = values.manifests ?? []
  // `--manifests a b c`: what follows belongs to it, as for the server.
  if (positionals.length > 0 && manifests.length === 0) {
    throw new UsageError(`'${positionals[0]}' is not a flag of fakeapi (see --help)`)
  }
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65_535) {
    throw new UsageError(`--port '${values.port}': a number from 0 to 65535 is expected`)
  }
  const api = await makeFilledApi([...manifests, ...positionals], createLog({ format: 'text', descriptor: 1 }))
  try {
    const url = await listen(api, Number(values.port), values.tls)
    writeOut(`Kubernetes API on ${url}\n`)
    if (values.kubeconfig === undefined) {
      writeOut(`Try: kubectl --server ${url}${values.tls ? INSECURE : ''} get services -A\n`)
    } else {
      writeKubeconfig(values.kubeconfig, api.kubeconfig())
      writeOut(`Try: kubectl --kubeconfig ${values.kubeconfig} get services -A\n`)
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
    // What follows the first sentence is about how Node reads arguments.
    const [what] = (error as Error).message.split('. ', 1)
    throw new UsageError(`fakeapi: ${what} (see --help)`, { cause: error })
  }
}

async function listen(api: FakeApi, port: number, tls: boolean): Promise<string> {
  try {
    return await api.listen({ port, tls })
  } catch (error) {
    throw explainBindError('http', joinHostPort('127.0.0.1', port), error as Error)
  }
}

function writeKubeconfig(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600 })
  } catch (error) {
    throw new Error(`--kubeconfig ${file} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}
