/** When a log published which size, as somebody sees it who asks all the time. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type LogUnderTest, publishedSize } from './logs-under-test.ts'

export interface Publication {
  readonly at: number
  readonly size: number
}

export interface Watch {
  /** Each size that was seen, and when first. */
  readonly seen: readonly Publication[]
  stop(): Promise<void>
}

export function watchPublications(log: LogUnderTest, everyMs: number): Watch {
  const seen: Publication[] = []
  let over = false
  const watching = (async () => {
    while (!over) {
      const size = await publishedSize(log)
      if (size !== seen.at(-1)?.size) seen.push({ at: performance.now(), size })
      await sleep(everyMs)
    }
  })()
  return {
    seen,
    async stop() {
      over = true
      await watching
    },
  }
}

/**
 * Entries a second between the first and the last publication of a span: whole steps, so that a log that publishes once a second is not
 * measured by where the span cuts a step. NaN where there are not two.
 */
export function publishedRate(seen: readonly Publication[], from: number, until: number): number {
  const inside = seen.filter(({ at }) => at >= from && at <= until)
  const [first, last] = [inside[0], inside.at(-1)]
  if (first === undefined || last === undefined || first === last) return Number.NaN
  return ((last.size - first.size) / (last.at - first.at)) * 1000
}
