// A whole server over a whole API, in this process: what every test of an answer runs against.

import { pino } from 'pino'
import { Site, type SiteOptions } from '../../src/cli/site.ts'
import { FakeApi, type FakeApiOptions } from '../../src/fakeapi/fakeapi.ts'
import { TcpClient, UdpClient } from '../server/clients.ts'
import { buildQuery, decode } from '../server/message.ts'
import { type Answer, TYPES, describe } from './zonefile.ts'

export interface RunningOptions extends Partial<SiteOptions> {
  readonly corefile: string
  readonly api?: SiteOptions['api']
}

/** A Corefile that serves on a free port of the loopback. */
export class RunningSite {
  readonly site: Site
  /** What was logged, one line each. */
  readonly log: string[] = []
  #udp!: UdpClient
  #port = 0

  constructor(options: RunningOptions) {
    const write = (json: string): void => {
      this.log.push((JSON.parse(json) as { msg: string }).msg)
    }
    this.site = new Site({
      file: 'Corefile',
      defaultPort: 0,
      log: pino({ base: null }, { write }),
      version: '0.0.0',
      env: {},
      ...options,
    })
  }

  static async start(options: RunningOptions): Promise<RunningSite> {
    const running = new RunningSite(options)
    await running.start()
    return running
  }

  async start(): Promise<void> {
    await this.site.start()
    const [{ port, address }] = this.site.addresses()
    this.#port = port
    this.#udp = new UdpClient(port, address === '' ? '127.0.0.1' : address)
  }

  get port(): number {
    return this.#port
  }

  /** Asks over UDP, with EDNS so that nothing is cut. */
  async ask(name: string, type: string): Promise<Answer> {
    const query = buildQuery({ name, type: TYPES[type], edns: { size: 65_000 } })
    const [bytes] = await Promise.all([this.#udp.receive(), this.#udp.send(query)])
    return describe(decode(bytes), bytes)
  }

  async askTcp(name: string, type: string): Promise<Answer> {
    const client = await TcpClient.connect(this.#port)
    client.send(buildQuery({ name, type: TYPES[type] }))
    await client.receive(1)
    client.socket.destroy()
    const [bytes] = client.messages
    return describe(decode(bytes), bytes)
  }

  async stop(): Promise<void> {
    this.#udp?.close()
    await this.site.stop()
  }
}

/** An API that takes any cluster IP, as fixtures have them. */
export const openApi = (options: FakeApiOptions = {}): FakeApi =>
  new FakeApi({ ...options, admission: { allowAnyClusterIP: true, allowPodsWithoutSpec: true, ...options.admission } })
