/** Work of which only so much may be under way at once: the rest waits in the order in which it came. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}

/** Work that is not begun again while it is under way: whoever asks for it meanwhile waits for the same. */
export function joined(work: () => Promise<void>): () => Promise<void> {
  let under: Promise<void> | null = null
  return () => {
    under ??= work().finally(() => {
      under = null
    })
    return under
  }
}

/** Work for which nobody waits, until the end. */
export class Underway {
  readonly #all = new Set<Promise<unknown>>()

  add<T>(work: Promise<T>): Promise<T> {
    const kept = work.catch(() => undefined).finally(() => this.#all.delete(kept))
    this.#all.add(kept)
    return work
  }

  /** Resolves when nothing is under way, also of what was added meanwhile. Never rejects. */
  async end(): Promise<void> {
    while (this.#all.size > 0) await Promise.all(this.#all)
  }
}
