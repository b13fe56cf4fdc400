/** Several places are asked the same: the next one as soon as the one before has nothing, or is silent for a while. The first answer counts. */
import { setTimeout as pause } from 'node:timers/promises'
import { untilAborted } from '@samebits/host'

export interface Patience {
  /** Milliseconds for which a place may be silent before the next one is asked besides. */
  readonly perPlace: number
  /** When no answer is waited for any more. */
  readonly until: AbortSignal
}

/** Null where nobody gave an answer in time. @throws what an `ask` throws before that */
export async function firstAnswer<T>(
  asks: readonly (() => Promise<T | null>)[],
  { perPlace, until }: Patience,
): Promise<T | null> {
  const found = new AbortController()
  const over = AbortSignal.any([until, found.signal])
  let answer: T | null = null
  const under: Promise<void>[] = []
  for (const ask of asks) {
    if (over.aborted) break
    const asked = ask().then((given) => {
      if (given === null || answer !== null) return
      answer = given
      found.abort()
    })
    asked.catch(() => undefined) // thrown below; what fails after the answer changes nothing
    under.push(asked)
    await Promise.race([asked, pause(perPlace, undefined, { signal: over, ref: false }).catch(() => undefined)])
  }
  await Promise.race([Promise.all(under), untilAborted(over)])
  return answer
}
