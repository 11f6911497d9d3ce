// Asks a server whose handler waits for promises alone. The client waits in the kernel, so that nothing but the query wakes the event loop.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { answerLater, serve } from './handlers.ts'
import { buildQuery } from './message.ts'

const { server, port } = await serve(
  answerLater(async () => 0),
  { io: 'batch' },
)
const query = Buffer.from(buildQuery()).toString('hex')
const script = fileURLToPath(new URL('load.ts', import.meta.url))
const child = spawn(process.execPath, [script, String(port), '3', query], { stdio: ['ignore', 'ignore', 'inherit'] })
const [code] = await once(child, 'exit')
await server.stop()
if (code === 0) process.stdout.write('answered')
