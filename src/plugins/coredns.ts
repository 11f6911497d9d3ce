// The directives of CoreDNS 1.15 (its plugin.cfg) and of the versions before it. A Corefile that names one which is not among our plugins is
// told so, instead of what it may have been a misspelling of.

const DIRECTIVES =
  'root metadata geoip cancel proxyproto quic grpc_server https https3 timeouts multisocket reload nsid bufsize bind debug trace ready health ' +
  'pprof shed prometheus errors log dnstap local dns64 siit any chaos loadbalance tsig rewrite autopath acl cache header dnssec tls minimal ' +
  'template transfer dynupdate hosts route53 azure clouddns k8s_external kubernetes file auto secondary etcd loop forward grpc erratic whoami ' +
  'on sign view nomad'

/** What was taken out of CoreDNS, and since when. */
const RETIRED: Readonly<Record<string, string>> = {
  proxy: "CoreDNS has no plugin 'proxy' since 1.5.0, where forward took its place",
  federation: "CoreDNS has no plugin 'federation' since 1.7.0, and Kubernetes has no federated Services",
}

/** By its name, what to say of a directive that CoreDNS has, or had, and this server does not. */
export const FOREIGN_DIRECTIVES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    DIRECTIVES.split(' ').map(name => [name, `CoreDNS has the plugin '${name}', kubezone does not`]),
  ),
  ...RETIRED,
}
