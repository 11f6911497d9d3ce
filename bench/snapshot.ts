// How long a start takes without an API, from the process to its first answer, when a snapshot has 5,000 Services with 20,000 endpoints; and whether all is
// answered then as the process before answered it, which was killed.

import dgram from 'node:dgram'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FakeApi } from '../src/fakeapi/fakeapi.ts'
import { apiObjects, fullName, headless, reverseName, services, withClusterIP } from './cluster.ts'
import { writeImage } from './image.ts'
import { type Command, Running } from './process.ts'
import { encodeQuery } from './question.ts'
import { formatRows, median } from './report.ts'
import { freePort, untilAnswered } from './run.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const RUNS = 9
/** More often would take from what is measured. */
const ASK_MS = 2
/** Questions under way at one time. */
const WINDOW = 64
const REPEAT_MS = 500
const PATIENCE_MS = 60_000
const FIRST = `${fullName(withClusterIP[0])} A`

const questions = [
  ...services.flatMap(service => [`${fullName(service)} A`, `_http._tcp.${fullName(service)} SRV`]),
  ...headless.flatMap(service => service.endpoints.map(({ hostname }) => `${hostname}.${fullName(service)} A`)),
  ...withClusterIP.map(({ clusterIP }) => `${reverseName(clusterIP)} PTR`),
  ...services.flatMap(({ endpoints }) => endpoints.map(({ address }) => `${reverseName(address)} PTR`)),
]

/** Tells the medians. */
export async function measureSnapshots(tell: (line: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'kubezone-snapshot-'))
  const api = new FakeApi({ controllers: false })
  const rows: string[][] = []
  try {
    for (const object of apiObjects()) api.apply(object)
    const url = await api.listen()
    const known: { name: string; command: Command; port: number; file: string; answers: readonly string[] }[] = []
    for (const [name, program] of [
      ['from sources', { file: process.execPath, args: [MAIN] }],
      ['the image', writeImage(join(folder, 'root'))],
    ] as const) {
      const port = await freePort()
      const directory = mkdtempSync(join(folder, 'of-'))
      const file = join(directory, 'names')
      const conf = join(directory, 'Corefile')
      writeFileSync(conf, corefile(port, url, file))
      const command: Command = { ...program, args: [...program.args, '-conf', conf] }
      known.push({ name, command, port, file, answers: await learn(name, command, port, file) })
    }
    await api.close()
    for (const { name, command, port, file, answers } of known) {
      const times: number[] = []
      const cpuTimes: number[] = []
      let same = 0
      for (let i = 0; i < RUNS; i++) {
        const startedMs = performance.now()
        const running = new Running(command)
        await untilAnswered(running, { name }, port, FIRST, ASK_MS)
        times.push(performance.now() - startedMs)
        cpuTimes.push(running.cpuMicroseconds() / 1000)
        if (i === 0) same = (await askAll(port)).filter((answer, at) => answer === answers[at]).length
        await running.stop('SIGKILL')
      }
      rows.push([
        name,
        median(times).toFixed(0),
        `${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)}`,
        median(cpuTimes).toFixed(0),
        `${same} of ${questions.length}`,
        (statSync(file).size / 1e6).toFixed(1),
      ])
    }
    const head = ['server', 'first answer, ms', 'all', 'CPU ms', 'answered as before', 'file, MB']
    tell(`${RUNS} starts without an API, medians:\n\n${formatRows(head, rows, 1)}`)
  } finally {
    await api.close()
    rmSync(folder, { recursive: true })
  }
}

const corefile = (port: number, api: string, file: string): string => `.:${port} {
    bind 127.0.0.1
    errors
    prometheus 127.0.0.1:0
    loadbalance
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        endpoint ${api}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
        snapshot ${file}
    }
}
`

/** Runs with the API until the snapshot is there, and is killed. What it has answered. */
async function learn(name: string, command: Command, port: number, file: string): Promise<readonly string[]> {
  const running = new Running(command)
  try {
    await untilAnswered(running, { name }, port, undefined, ASK_MS)
    while (!existsSync(file) && !running.hasEnded) await delay(ASK_MS)
    return await askAll(port)
  } finally {
    await running.stop('SIGKILL')
  }
}

/** The answers in the order of the questions; the octets of each sorted, since `loadbalance` turns the records. */
async function askAll(port: number): Promise<readonly string[]> {
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 1 << 20 })
  const answers = new Map<number, string>()
  const asked = new Set<number>()
  const { promise, resolve } = Promise.withResolvers<void>()
  const ask = (id: number): void => {
    const message = encodeQuery(questions[id])
    message.writeUInt16BE(id, 0)
    asked.add(id)
    socket.send(message, port, '127.0.0.1')
  }
  let next = 0
  socket.on('message', answer => {
    const id = answer.readUInt16BE(0)
    if (!asked.delete(id)) return
    answers.set(id, Buffer.from(answer.subarray(2)).sort().toString('latin1'))
    if (answers.size === questions.length) resolve()
    else if (next < questions.length) ask(next++)
  })
  while (next < WINDOW) ask(next++)
  // Datagrams may be lost on a busy machine.
  const timer = setInterval(() => [...asked].forEach(ask), REPEAT_MS)
  await Promise.race([promise, delay(PATIENCE_MS)])
  clearInterval(timer)
  socket.close()
  return questions.map((_, id) => answers.get(id) ?? 'none')
}
