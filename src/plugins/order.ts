// Every plugin, in the order in which queries pass them: that of CoreDNS (its plugin.cfg). The order in a Corefile does not matter.

import type { Plugin } from '../server/plugin.ts'
import { bind } from './bind/setup.ts'
import { debug } from './debug/setup.ts'
import { errors } from './errors/setup.ts'
import { health } from './health/setup.ts'
import { kubernetes } from './kubernetes/setup.ts'
import { loadbalance } from './loadbalance/setup.ts'
import { log } from './log/setup.ts'
import { prometheus } from './prometheus/setup.ts'
import { ready } from './ready/setup.ts'
import { whoami } from './whoami/setup.ts'

export const PLUGINS: readonly Plugin[] = [
  bind,
  debug,
  ready,
  health,
  prometheus,
  errors,
  log,
  loadbalance,
  kubernetes,
  whoami,
]
