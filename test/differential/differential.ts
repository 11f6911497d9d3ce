// Of `npm run test:differential`: what *kubernetes* answers by itself.

import { type Setting, compareBy } from './setting.ts'

const SETTINGS: readonly Setting[] = [
  { name: 'pods insecure', options: ['pods insecure'] },
  { name: 'pods verified', options: ['pods verified', 'endpoint_pod_names', 'ttl 30'] },
  { name: 'zonal', options: ['pods insecure', 'zonal'] },
  {
    name: 'some Services of some namespaces',
    options: ['pods insecure', 'namespaces default svc', 'labels app.kubernetes.io/part=x', 'ignore empty_service'],
    namespaces: ['default', 'svc'],
  },
]

for (const setting of SETTINGS) compareBy(setting)
