import { join } from 'node:path'
import { type ConnectionOptions, type Credentials, HttpConnection, joinHostPort } from './connection.ts'
import { readCredential } from './credential.ts'
import { ApiFault, FaultCode } from './fault.ts'

/** Where kubelet mounts the token and the CA of the pod's service account. */
const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount'

export interface InClusterOptions extends ConnectionOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly directory?: string
}

/** By the service account of the pod that this runs in. Rejects with ApiFault when it does not run in a pod. */
export async function connectInCluster(options: InClusterOptions = {}): Promise<HttpConnection> {
  const { environment = process.env, directory = SERVICE_ACCOUNT_DIRECTORY } = options
  const host = environment.KUBERNETES_SERVICE_HOST
  const port = environment.KUBERNETES_SERVICE_PORT
  if (host === undefined || host === '' || port === undefined || port === '') {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      'not in a cluster (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set): ' +
        'give kubeconfig or endpoint to say where the API is',
    )
  }
  // kubelet changes the token about every 48 minutes, and a CA may be changed too. Requests are minutes apart, so the
  // files are simply read for each: nothing is ever older than the request that uses it.
  const credentials = async (): Promise<Credentials> => ({
    headers: { authorization: `Bearer ${readSecret(directory, 'token')}` },
    tls: { ca: readSecret(directory, 'ca.crt') },
  })
  await credentials()
  return new HttpConnection({ baseUrl: `https://${joinHostPort(host, port)}`, credentials }, options)
}

function readSecret(directory: string, name: string): string {
  const file = join(directory, name)
  const text = readCredential(
    file,
    code =>
      `cannot read ${file} (${code}): set automountServiceAccountToken: true in the pod, or give kubeconfig or endpoint`,
  )
  if (text.trim() === '')
    throw new ApiFault(FaultCode.CONFIGURATION, `${file} is empty: the pod's service account has no token yet`)
  return text.trim()
}
