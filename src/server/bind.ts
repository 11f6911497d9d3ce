// What can go wrong when a socket is bound, in words that help.

/** One line for a person: what was to be bound, why it failed, what to do. `transport` is `udp`, `tcp` or `http`; the cause keeps its code. */
export function explainBindError(transport: string, endpoint: string, error: NodeJS.ErrnoException): Error {
  return new Error(`listen ${transport} ${endpoint}: ${reasons[error.code ?? ''] ?? error.message}`, { cause: error })
}

const reasons: Record<string, string | undefined> = {
  EADDRINUSE: 'address already in use (is another server running? `ss -lntup` shows which; or choose another port)',
  EACCES: 'permission denied (ports below 1024 need root or CAP_NET_BIND_SERVICE; or choose another port)',
  EADDRNOTAVAIL: 'no interface of this machine has the address',
  EAFNOSUPPORT: 'this machine has no such address family',
  ENOTSUP: 'this system cannot share a port between sockets',
}
