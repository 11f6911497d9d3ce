// Tokens of service accounts that expire when a test wants it: the API gives none for less than ten minutes, so they are signed here, with the
// key that the API server verifies by.

import { sign } from 'node:crypto'
import type { ControlPlane } from './controlplane.ts'

/** So much later than they say, tokens are still taken: clocks differ. */
export const LEEWAY_SECONDS = 60
const ISSUER = 'https://kubernetes.default.svc.cluster.local'

export async function signToken(
  plane: ControlPlane,
  namespace: string,
  name: string,
  seconds: number,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`
  const { body } = await plane.call<{ metadata: { uid: string } }>('GET', path)
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: ISSUER,
    aud: [ISSUER],
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: now - 600,
    nbf: now - 600,
    exp: now + seconds,
    'kubernetes.io': { namespace, serviceaccount: { name, uid: body.metadata.uid } },
  }
  const signed = [{ alg: 'RS256', typ: 'JWT' }, claims].map(encode).join('.')
  return `${signed}.${sign('sha256', Buffer.from(signed), plane.signingKey).toString('base64url')}`
}

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
