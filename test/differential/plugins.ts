// Of `npm run test:differential`: what other plugins make of the names of *kubernetes*.

import { fromOutside, searched } from './questions.ts'
import { type Setting, compareBy } from './setting.ts'

/** Names outside of the cluster do not exist; those whose last label is like that of a zone are left alone. */
const NOTHING_OUTSIDE =
  'template ANY ANY . {\n match "(^|[.])([^la][^.]*|l([^o][^.]*)?|a([^r][^.]*)?)[.]$"\n rcode NXDOMAIN\n fallthrough\n }'

const SETTINGS: readonly Setting[] = [
  {
    name: 'along the search path of a Pod',
    options: ['pods verified'],
    directives: ['autopath @kubernetes', NOTHING_OUTSIDE],
    turn: searched,
    isWalking: true,
  },
  {
    name: 'from outside',
    options: ['pods verified'],
    directives: [
      'k8s_external example.org 2.0.192.in-addr.arpa 8.b.d.0.1.0.0.2.ip6.arpa {\n headless\n }',
      'template ANY ANY test {\n rcode NXDOMAIN\n }',
    ],
    turn: fromOutside,
  },
]

for (const setting of SETTINGS) compareBy(setting)
