// What holds for batches holds for Node's own sockets: they serve where batches are not to be had.

process.env.KUBEZONE_IO = 'dgram'
await import('./udp.test.ts')
await import('./server.test.ts')
