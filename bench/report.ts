/**
 * Rows of the one table that `npm run bench` prints. A benchmark says each as soon as it knows it, and hands it to `run.ts` where that started
 * it; by itself it works the same.
 */

export interface Row {
  readonly what: string
  readonly ours: string
  /** Whom it was measured beside, in the same run, and what came out there. */
  readonly peer: { readonly name: string; readonly value: string } | null
  /** Why there is no peer, where one is meant to be there. */
  readonly missing?: string
  /** Ours over the peer's. */
  readonly ratio?: number
  /** What the project asks of the ratio. */
  readonly atLeast?: number
  readonly atMost?: number
}

/** Whether the ratio is as wanted; null where nothing is asked, or nothing could be compared. */
export function met({ ratio, atLeast, atMost }: Row): boolean | null {
  if (ratio === undefined || (atLeast === undefined && atMost === undefined)) return null
  return ratio >= (atLeast ?? 0) && ratio <= (atMost ?? Number.POSITIVE_INFINITY)
}

export function wanted({ atLeast, atMost }: Row): string {
  if (atLeast !== undefined) return `at least ${atLeast}`
  return atMost === undefined ? '' : `at most ${atMost}`
}

export function peerText({ peer, missing }: Row): string {
  if (missing !== undefined) return `not measured: ${missing}`
  return peer === null ? '' : `${peer.name}: ${peer.value}`
}

/** Three significant digits at least, thousands apart. */
export function number(value: number): string {
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)))
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 4), useGrouping: true })
}

export function report(row: Row): void {
  const ratio = row.ratio === undefined ? '' : `  ratio ${number(row.ratio)}`
  const asked = wanted(row) === '' ? '' : ` (${wanted(row)}${met(row) === false ? ': MISSED' : ''})`
  const beside = peerText(row) === '' ? '' : `; ${peerText(row)}`
  console.log(`=> ${row.what}: ${row.ours}${beside}${ratio}${asked}`)
  process.send?.(row)
}
