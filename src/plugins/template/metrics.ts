import type { Block } from '../../server/plugin.ts'
import { nameServer } from '../servername.ts'
import type { TemplateData } from './gotemplate.ts'

/** What is counted. Series are found by their labels: who gets here has made text already. */
export interface TemplateMetrics {
  matched(data: TemplateData): void
  templateFailed(data: TemplateData, section: string, source: string): void
  recordFailed(data: TemplateData, section: string, source: string): void
}

export function templateMetrics(block: Block): TemplateMetrics {
  const { metrics } = block.process
  const labels = ['server', 'zone', 'view', 'class', 'type']
  const define = (name: string, help: string, more: string[] = []): ReturnType<typeof metrics.counter> =>
    metrics.counter(`coredns_template_${name}_total`, help, [...labels, ...more])
  const matches = define('matches', 'Counter of template regex matches.')
  const templateFailures = define('template_failures', 'Counter of go template failures.', ['section', 'template'])
  const recordFailures = define('rr_failures', 'Counter of mis-templated RRs.', ['section', 'template'])
  const values = ({ Zone, Class, Type }: TemplateData): string[] => [nameServer(block), Zone, '', Class, Type]
  return {
    matched: data => matches.cell(values(data)).inc(),
    templateFailed: (data, section, source) => templateFailures.cell([...values(data), section, source]).inc(),
    recordFailed: (data, section, source) => recordFailures.cell([...values(data), section, source]).inc(),
  }
}
