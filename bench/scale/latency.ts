// From the API's answer to a change to the first DNS answer that shows it.

import { Agent, request } from 'node:http'
import type { AskOptions, Asker } from '../asker.ts'
import { HEADLESS_EVERY, nameOf, type Size, sliceOf } from './objects.ts'

const MEASURED = 1_000
/** Before the first measurement: the API and this process are to be compiled as well for the first server as for the last. */
const WARM_UP = 2_000
/** What is measured is as coarse as the pause. */
const ASKING: AskOptions = { timeoutMs: 5_000, pauseMs: 0.05 }

/** Milliseconds. */
export interface Programming {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** Makes changes while nobody watches. */
export async function warmUp(api: string, size: Size): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  for (let i = 0; i < WARM_UP; i++) await change(agent, api, size, i)
  agent.destroy()
}

/** Changes one headless Service after the other. */
export async function measureProgramming(api: string, asker: Asker, size: Size): Promise<Programming> {
  const agent = new Agent({ keepAlive: true })
  const took: number[] = []
  for (let i = 0; i < MEASURED; i++) {
    const { service, ready } = await change(agent, api, size, i)
    const from = performance.now()
    await asker.untilCount(`${nameOf(service)} A`, records => records === ready, ASKING)
    took.push(performance.now() - from)
  }
  agent.destroy()
  took.sort((a, b) => a - b)
  const at = (share: number): number => took[Math.min(took.length - 1, Math.floor(took.length * share))]
  return { count: took.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

/** Takes an endpoint out of a headless Service, of the half that nobody else changes, or puts it back: each first out, then in. */
async function change(
  agent: Agent,
  api: string,
  size: Size,
  number: number,
): Promise<{ readonly service: number; readonly ready: number }> {
  const half = size.services >> 1
  const headless = Math.ceil(half / HEADLESS_EVERY)
  const service = half + (number % headless) * HEADLESS_EVERY
  const isOut = Math.floor(number / headless) % 2 === 0
  const slice = sliceOf(size, service, isOut ? 0 : undefined)
  const { name, namespace } = slice.metadata
  const url = `${api}/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`
  await put(agent, url, JSON.stringify(slice))
  return { service, ready: isOut ? size.endpointsEach - 1 : size.endpointsEach }
}

function put(agent: Agent, url: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request(url, { method: 'PUT', agent, headers }, response => {
      response.resume()
      // The status line is the answer; the object behind it is of no interest.
      if (response.statusCode === 200) resolve()
      else reject(new Error(`PUT ${url}: ${response.statusCode}`))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
