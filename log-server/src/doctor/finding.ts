/** One thing that `doctor` looked at. */
export interface Finding {
  /** Stable, lower-case words joined by `-`. */
  readonly check: string
  /** `fail`: a promise of the log does not hold like this. `warn`: one rests on something that nobody checks. */
  readonly level: 'ok' | 'warn' | 'fail'
  /** What was seen. */
  readonly detail: string
  /** What to do; of `warn` and `fail`. */
  readonly remedy?: string
}

export const ok = (check: string, detail: string): Finding => ({ check, level: 'ok', detail })
export const warn = (check: string, detail: string, remedy: string): Finding => ({
  check,
  level: 'warn',
  detail,
  remedy,
})
export const fail = (check: string, detail: string, remedy: string): Finding => ({
  check,
  level: 'fail',
  detail,
  remedy,
})
