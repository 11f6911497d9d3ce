// A client in a thread of its own, for when the one of the test does something else: asks the same from many ports, again and again.

import { parentPort, workerData } from 'node:worker_threads'
import { UdpClient } from '../server/clients.ts'
import { buildQuery } from '../server/message.ts'

export interface AskerInput {
  readonly port: number
  readonly name: string
  readonly clients: number
  /** How often each client asks. */
  readonly rounds: number
  /** How many answers with one record have come. */
  readonly answered: Int32Array
}

const { port, name, clients, rounds, answered } = workerData as AskerInput

async function ask(): Promise<void> {
  const client = new UdpClient(port)
  for (let i = 0; i < rounds; i++) {
    const { answers } = await client.ask(buildQuery({ id: i, name, type: 1 }))
    if (answers.length === 1) Atomics.add(answered, 0, 1)
    Atomics.notify(answered, 0)
  }
  client.close()
}

parentPort!.once('message', () => {
  for (let i = 0; i < clients; i++) void ask()
})
parentPort!.postMessage('ready', [])
