import { readFile } from 'node:fs/promises'
import type { Agent } from 'node:http'
import { dirname, resolve } from 'node:path'
import { KubeConfig, type User } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { type ConnectionOptions, type Credentials, HttpConnection, type TlsMaterial } from './connection.ts'
import { ApiFault, FaultCode, toOneLine } from './fault.ts'
import { isObject, objectOf, stringOf } from './json.ts'

export interface KubeconfigOptions extends ConnectionOptions {
  readonly file: string
  /** The current context of the file when absent. */
  readonly context?: string
}

/** What `applyToHTTPSOptions` fills in. */
interface FilledOptions {
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  servername?: string
  rejectUnauthorized?: boolean
  auth?: string
  headers?: Record<string, string>
  agent?: Agent
}

/**
 * By a kubeconfig file, with every way to authenticate that client-node knows: certificates, tokens, exec plugins,
 * OIDC. This is the one file that loads client-node, at the cost of about a second and 90 MB: load it only when there is a kubeconfig.
 * Rejects with ApiFault.
 */
export async function connectKubeconfig(options: KubeconfigOptions): Promise<HttpConnection> {
  const file = resolve(options.file)
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      error.code === 'ENOENT'
        ? `the kubeconfig file ${file} does not exist: give the path of one that does`
        : `cannot read the kubeconfig file ${file} (${error.code})`,
    )
  })
  const config = new KubeConfig()
  let document: unknown
  try {
    document = parse(text, { logLevel: 'silent' })
    if (!isObject(document)) throw new Error('it is empty, or no kubeconfig')
    config.loadFromString(text)
    config.makePathsAbsolute(dirname(file))
  } catch (error) {
    // The parser quotes the line that it stumbled over, which may well hold a key.
    throw new ApiFault(FaultCode.CONFIGURATION, `the kubeconfig file ${file} is not valid: ${reasonOf(error)}`)
  }
  chooseContext(config, options.context, file)
  const cluster = config.getCurrentCluster()
  if (cluster === null) {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      `the context ${config.currentContext} of ${file} names a cluster that the file does not have`,
    )
  }
  chooseUser(config, document, file)
  // client-node refuses plain http unless certificates are not to be checked, of which there are none then.
  if (cluster.server.startsWith('http:')) Object.assign(cluster, { skipTLSVerify: true })
  return new HttpConnection({ baseUrl: cluster.server, credentials: () => readCredentials(config, file) }, options)
}

function chooseContext(config: KubeConfig, context: string | undefined, file: string): void {
  const names = config.getContexts().map(({ name }) => name)
  const wanted = context ?? config.currentContext
  if (wanted === undefined || wanted === '') {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      `the kubeconfig file ${file} has no current-context: name one of its contexts (${names.join(', ')})`,
    )
  }
  if (!names.includes(wanted)) {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      `the kubeconfig file ${file} has no context ${wanted}: it has ${names.join(', ') || 'none'}`,
    )
  }
  config.setCurrentContext(wanted)
}

function chooseUser(config: KubeConfig, document: unknown, file: string): void {
  const context = config.getContextObject(config.currentContext)
  const user = config.getCurrentUser()
  if (user === null) {
    const { user: name = '' } = context ?? {}
    if (name !== '')
      throw new ApiFault(
        FaultCode.CONFIGURATION,
        `the context ${config.currentContext} of ${file} names a user, ${name}, that the file does not have`,
      )
    // client-node applies the CA of the cluster only where there is a user.
    config.addUser({ name: '(anonymous)' })
    if (context !== null) Object.assign(context, { user: '(anonymous)' })
    return
  }
  // kubectl calls the field tokenFile; client-node looks for token-file, and reads it but once.
  const tokenFile = findTokenFile(document, user.name)
  if (tokenFile === '' || user.token !== undefined) return
  Object.assign(user, {
    authProvider: { name: 'tokenFile', config: { tokenFile: resolve(dirname(file), tokenFile) } },
  } satisfies Partial<User>)
}

function findTokenFile(document: unknown, name: string): string {
  const users: unknown = objectOf(document).users
  const entry = Array.isArray(users) ? (users as unknown[]).find(user => objectOf(user).name === name) : undefined
  return stringOf(objectOf(objectOf(entry).user).tokenFile)
}

async function readCredentials(config: KubeConfig, file: string): Promise<Credentials> {
  const filled: FilledOptions = {}
  try {
    await config.applyToHTTPSOptions(filled)
  } catch (error) {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      `no credentials from the context ${config.currentContext} of ${file}: ${reasonOf(error)}`,
    )
  }
  const headers: Record<string, string> = {}
  // A token file ends in a newline as often as not, which no header may.
  for (const [name, value] of Object.entries(filled.headers ?? {})) headers[name.toLowerCase()] = value.trim()
  if (filled.auth !== undefined) headers.authorization = `Basic ${Buffer.from(filled.auth).toString('base64')}`
  const { ca, cert, key, servername, rejectUnauthorized } = filled
  const tls: TlsMaterial = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
    ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }),
  }
  // client-node's agent is only needed where there is a proxy to go through; without one ours takes up certificates
  // that change.
  const agent = config.getCurrentCluster()?.proxyUrl === undefined ? undefined : filled.agent
  return { headers, tls, ...(agent === undefined ? {} : { agent }) }
}

/** The first line of a reason alone. JSON.parse quotes what it was given: from an exec plugin that may be the token. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'what an exec plugin wrote is not JSON'
  const message = error instanceof Error ? error.message : String(error)
  return toOneLine(message.split('\n', 1)[0] ?? '').slice(0, 200)
}
