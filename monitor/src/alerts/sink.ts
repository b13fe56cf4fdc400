/** Where alerts go: the role, and what every sink is handed. */
import { visible } from '@samebits/host'
import type { AlertRecord } from '../state/monitor-store.ts'

/**
 * Obligations: `deliver` resolves once the other side has taken the alert, and rejects otherwise; it may be called again with the same
 * alert (a process can end between a delivery and its note), so that it carries the alert's id to whoever wants to count it once.
 */
export interface Sink {
  readonly name: string
  deliver(alert: AlertRecord, signal: AbortSignal): Promise<void>
}

/** An alert as every sink that speaks JSON writes it. */
export interface AlertDocument {
  readonly id: string
  readonly rule: string
  readonly severity: string
  readonly origin: string
  readonly product: string | null
  readonly title: string
  readonly detail: string
  readonly remedy: string
  /** Id of the evidence, as in `DATA/evidence` and under `/v1/evidence/<id>`. */
  readonly evidence: string | null
  /** Unix seconds. */
  readonly at: number
}

export function documentOf(alert: AlertRecord): AlertDocument {
  const { id, rule, severity, origin, product, title, detail, remedy, evidence, at } = alert
  return { id, rule, severity, origin, product, title, detail, remedy, evidence, at }
}

/** The same for people. What logs and strangers wrote is neutralised. */
export function textOf(alert: AlertRecord): string {
  const { title, detail, remedy, rule, origin, product, evidence, id } = alert
  const lines = [
    title,
    ...(detail === '' ? [] : ['', detail]),
    ...['', `What to do: ${remedy}`, ''],
    `Log: ${origin}`,
    ...(product === null ? [] : [`Product: ${product}`]),
    `Rule: ${rule}`,
    ...(evidence === null ? [] : [`Evidence: ${evidence}`]),
    `Alert: ${id}`,
  ]
  return lines.map((line) => `${visible(line)}\n`).join('')
}

export function subjectOf({ severity, title }: AlertRecord): string {
  return visible(`[samebits ${severity}] ${title}`)
}
