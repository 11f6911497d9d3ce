export const HELP = `kubezone: an authoritative DNS server for Kubernetes clusters, in the place of CoreDNS and kube-dns

usage:
  kubezone [flags]              serve what the Corefile says
  kubezone try [flags]          serve the example cluster on 127.0.0.1:1053, from an API in this process
  kubezone lookup NAME [TYPE]   ask a server, as dig does (kubezone lookup --help)
  kubezone check [Corefile]     say what is wrong with a Corefile ('stdin' reads it from there), as file:line:column; exit 1 if anything is
  kubezone fakeapi [flags]      run the Kubernetes API alone, for kubectl, a DNS server or a test to talk to

flags, with one dash or two:
  -conf FILE            the Corefile; 'stdin' reads it from there (default: ./Corefile; without one, whoami and log on '.')
  -dns.port, -p PORT    the port of keys that name none (default 53; with try 1053; 0: one that is free)
  -pidfile FILE         write the process id to FILE, and remove it at the end
  -plugins              list the plugins and exit
  -quiet                do not print what is served, nor the version
  -version              print the version and exit
  --manifests PATH ...  run a Kubernetes API in this process, filled with these manifests: directories, files, globs; YAML or JSON
  --kubeconfig FILE     reach the cluster by this kubeconfig where the Corefile does not say how
  --log-format FORMAT   text (default) or json, both as CoreDNS logs
  -h, --help            print this

flags of fakeapi:
  --manifests PATH ...  as above
  --port PORT           where it listens on 127.0.0.1 (default 8001; 0: one that is free)
  --tls                 serve HTTPS with a certificate of its own
  --kubeconfig FILE     write a kubeconfig for it to FILE

signals:
  SIGTERM, SIGINT       answer what was received, then exit (a second one exits at once)
  SIGQUIT               exit at once
  SIGUSR1               read the Corefile again
  SIGHUP                nothing

environment:
  KUBEZONE_IO=dgram     serve UDP through Node's own sockets, not in batches through libc
`
