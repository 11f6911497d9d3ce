import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'

/** The kernel takes those from 32768 on for connections; one below stays free while its server is away. */
const FIRST = 20_000
const PORTS = 12_000
/** A port may be taken long after it was found, so files that run at once have each some of them: tap numbers who runs beside whom. */
const JOBS = 4
const JOB = Number(process.env['TAP_JOB_ID'] ?? 0) % JOBS

const given = new Set<number>()

/** A port for a program that cannot be asked which one it has chosen, free for UDP and TCP. */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor((Math.random() * PORTS) / JOBS) * JOBS + JOB
    if (given.has(port)) continue
    given.add(port)
    const server = net.createServer().listen(port, '127.0.0.1')
    const socket = dgram.createSocket('udp4').bind(port, '127.0.0.1')
    const bound = await Promise.allSettled([once(server, 'listening'), once(socket, 'listening')])
    server.close()
    socket.close()
    if (bound.every(({ status }) => status === 'fulfilled')) return port
  }
}
