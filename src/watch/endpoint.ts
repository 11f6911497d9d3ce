import { type ConnectionOptions, type Credentials, HttpConnection } from './connection.ts'
import { readCredential } from './credential.ts'
import { ApiFault, FaultCode } from './fault.ts'

/** The options `endpoint` and `tls` of the kubernetes plugin. */
export interface EndpointOptions extends ConnectionOptions {
  /** `http://host:port`, `https://host:port`, or `host:port`: https when `tls` is given, http when not. */
  readonly endpoint: string
  /** Paths of PEM files; `ca` alone, or `cert` and `key` with or without `ca`. */
  readonly tls?: { readonly cert?: string; readonly key?: string; readonly ca?: string }
}

/** Rejects with ApiFault when the endpoint is no URL or a file cannot be read. */
export async function connectEndpoint(options: EndpointOptions): Promise<HttpConnection> {
  const { endpoint, tls = {} } = options
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      'tls has a client certificate without its key, or the reverse: give both, or only the CA',
    )
  }
  const scheme = Object.values(tls).some(file => file !== undefined) ? 'https' : 'http'
  const credentials = async (): Promise<Credentials> => ({
    headers: {},
    tls: {
      ...(tls.ca === undefined ? {} : { ca: readPem(tls.ca, 'CA') }),
      ...(tls.cert === undefined ? {} : { cert: readPem(tls.cert, 'client certificate') }),
      ...(tls.key === undefined ? {} : { key: readPem(tls.key, 'client key') }),
    },
  })
  await credentials()
  return new HttpConnection(
    { baseUrl: endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`, credentials },
    options,
  )
}

function readPem(file: string, what: string): string {
  const text = readCredential(
    file,
    code => `cannot read the ${what} of the API connection, ${file} (${code}): check the tls option`,
  )
  if (!text.includes('-----BEGIN ')) {
    throw new ApiFault(
      FaultCode.CONFIGURATION,
      `the ${what} of the API connection, ${file}, is not PEM: check the order of the tls option, CERT KEY CA`,
    )
  }
  return text
}
