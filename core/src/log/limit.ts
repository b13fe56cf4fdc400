/** Runs at most `limit` of the tasks given to it at a time, the others in the order in which they came. */
export function limitConcurrency(limit: number): <Result>(task: () => Promise<Result>) => Promise<Result> {
  if (!Number.isSafeInteger(limit) || limit < 1) throw new RangeError('a concurrency limit is at least 1')
  const waiting: (() => void)[] = []
  let running = 0
  return async (task) => {
    // A slot is handed from one task to the next, so that none that comes in between takes it.
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
