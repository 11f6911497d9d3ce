// Every plugin, in the order in which queries pass them: that of CoreDNS (its plugin.cfg). The order in a Corefile does not matter.

import type { Plugin } from '../server/plugin.ts'
import { acl } from './acl/setup.ts'
import { any } from './any/setup.ts'
import { autopath } from './autopath/setup.ts'
import { bind } from './bind/setup.ts'
import { bufsize } from './bufsize/setup.ts'
import { cache } from './cache/setup.ts'
import { chaos } from './chaos/setup.ts'
import { debug } from './debug/setup.ts'
import { errors } from './errors/setup.ts'
import { forward } from './forward/setup.ts'
import { header } from './header/setup.ts'
import { health } from './health/setup.ts'
import { hosts } from './hosts/setup.ts'
import { external } from './k8s_external/setup.ts'
import { kubernetes } from './kubernetes/setup.ts'
import { loadbalance } from './loadbalance/setup.ts'
import { log } from './log/setup.ts'
import { loop } from './loop/setup.ts'
import { metadata } from './metadata/setup.ts'
import { minimal } from './minimal/setup.ts'
import { multisocket } from './multisocket/setup.ts'
import { prometheus } from './prometheus/setup.ts'
import { ready } from './ready/setup.ts'
import { reload } from './reload/setup.ts'
import { rewrite } from './rewrite/setup.ts'
import { template } from './template/setup.ts'
import { timeouts } from './timeouts/setup.ts'
import { transfer } from './transfer/setup.ts'
import { whoami } from './whoami/setup.ts'

export const PLUGINS: readonly Plugin[] = [
  metadata,
  timeouts,
  multisocket,
  reload,
  bufsize,
  bind,
  debug,
  ready,
  health,
  prometheus,
  errors,
  log,
  any,
  chaos,
  loadbalance,
  rewrite,
  autopath,
  acl,
  cache,
  header,
  minimal,
  template,
  transfer,
  hosts,
  external,
  kubernetes,
  loop,
  forward,
  whoami,
]
