// A server block that forwards to the scripted servers of test/upstream/server.ts.

import type { Test } from 'tap'
import type { Handler } from '../../src/server/handler.ts'
import { UpstreamServer } from '../upstream/server.ts'
import { type Answer, type Question, type TestBlock, askLater, chain, setUpBlock, start, stop } from './harness.ts'

/** The rcode of what stands behind `forward`. */
export const PASSED_ON = 9
const last: Handler = { serve: () => PASSED_ON }

export class Forwarding {
  readonly block: TestBlock
  readonly handler: Handler

  constructor(directives: string, next = last) {
    this.block = setUpBlock(directives)
    this.handler = chain(this.block, next)
  }

  static async start(t: Test, directives: string, next = last): Promise<Forwarding> {
    const forwarding = new Forwarding(directives, next)
    t.teardown(() => stop(forwarding.block))
    await start(forwarding.block)
    return forwarding
  }

  ask(question?: Question): Promise<Answer> {
    return askLater(this.handler, question)
  }

  /** The value of the series with these labels, as the page of metrics has it; 0 without one. */
  metric(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const line = this.block.process.metrics
      .render()
      .split('\n')
      .find(
        line =>
          line.startsWith(name) &&
          Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)),
      )
    return Number(line?.split(' ').at(-1) ?? 0)
  }
}

export async function serve(t: Test, ...args: Parameters<typeof UpstreamServer.start>): Promise<UpstreamServer> {
  const server = await UpstreamServer.start(...args)
  t.teardown(() => server.stop())
  return server
}

/** A port of the loopback where nobody listens. */
export async function deadPort(): Promise<number> {
  const server = await UpstreamServer.start()
  await server.stop()
  return server.port
}
