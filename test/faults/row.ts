/** One fault of the table. */
import type { Outcome } from './tapped-log.ts'

export interface Row {
  readonly name: string
  /** How often it strikes in `npm run test:faults`. */
  readonly strikes: number
  /** How often in `npm test`; not at all where it is missing: another test has a short form of it. */
  readonly short?: number
  /** Why it cannot be run here; null where it can. */
  readonly missing?: () => string | null
  /** Strikes, mends, and judges: rejects where anything acknowledged was lost, or two histories were signed. */
  run(strikes: number): Promise<Outcome>
}
