import dgram from 'node:dgram'
import { once } from 'node:events'
import net from 'node:net'

const given = new Set<number>()

/**
 * A port for a program that cannot be asked which one it has chosen, free for UDP and TCP. The kernel takes those from 32768 on for connections;
 * one below stays free while its server is away.
 */
export async function findPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000)
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
