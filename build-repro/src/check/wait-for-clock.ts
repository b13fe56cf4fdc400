/**
 * Between the plain build and the next that moves no clock, the clock itself must have moved: two builds within one second read the
 * same time, and what shows the time would seem not to differ by itself.
 */

export interface Clock {
  /** Unix seconds. */
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Two seconds on, every stamp that a program keeps by the second is another, and so are those of zip archives, by two. */
const apartSeconds = 2
const betweenLooksMs = 100
/** A clock that stands still, or was set back, is not waited for. */
const mostLooks = 50

/** Returns once `now` is two seconds past `finishedAt`, or after five seconds of waiting. */
export async function waitForClock(finishedAt: number, { now, sleep }: Clock, signal: AbortSignal): Promise<void> {
  for (let look = 0; look < mostLooks && now() < finishedAt + apartSeconds; look++) await sleep(betweenLooksMs, signal)
}
