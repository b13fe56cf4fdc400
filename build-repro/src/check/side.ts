/** What is known of one of two builds, and therefore recognised in what it made. */
import type { Conditions } from '../build/conditions.ts'

export interface Side {
  readonly conditions: Conditions
  /** Unix seconds, by this machine's clock. */
  readonly startedAt: number
  readonly finishedAt: number
}

/** Clocks are read a little before and after. */
const slackSeconds = 2

/** Whether a build of this side could have read that time: from the clock that programs see, or from the kernel's own. */
export function couldRead({ conditions, startedAt, finishedAt }: Side, seconds: number): boolean {
  return [0, conditions.clockAhead ?? 0].some(
    (ahead) => seconds >= startedAt + ahead - slackSeconds && seconds <= finishedAt + ahead + slackSeconds,
  )
}

/** Moments at which this side's clocks may have been read, Unix seconds: first and last of each clock. */
export function momentsOf({ conditions, startedAt, finishedAt }: Side): readonly number[] {
  const ahead = conditions.clockAhead ?? 0
  return [startedAt, finishedAt, startedAt + ahead, finishedAt + ahead]
}

/** Minutes by which local time is ahead of UTC; only `UTC` and POSIX zones as `<+1245>-12:45` are understood (POSIX.1, TZ). */
export function zoneMinutes({ conditions }: Side): number {
  const match = /^<([+-])([0-9]{2})([0-9]{2})>/.exec(conditions.timezone)
  if (match === null) return 0
  const minutes = Number(match[2]) * 60 + Number(match[3])
  return match[1] === '-' ? -minutes : minutes
}
