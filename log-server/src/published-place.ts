/** A URL under which the log is published besides its own server: asked before anything is signed (docs/log.md rule 3). */
import { fromUtf8, httpTileSource, SourceError } from '@samebits/core'
import { type Place, PlaceError } from './takeover.ts'

export interface PlaceOptions {
  readonly url: string
  readonly fetch: typeof globalThis.fetch
  readonly timeoutMs: number
}

/** The checkpoint there, or null where the place answers that it has none. @throws PlaceError */
export async function fetchPublished(options: PlaceOptions): Promise<string | null> {
  const { url, fetch, timeoutMs } = options
  try {
    const signal = () => AbortSignal.timeout(timeoutMs)
    return fromUtf8(await httpTileSource({ prefix: url, fetch, signal, allowHttpLoopback: true }).checkpoint())
  } catch (error) {
    if (error instanceof SourceError && error.kind === 'missing') return null
    throw new PlaceError(`no checkpoint could be read from ${url}`, { cause: error })
  }
}

/** The place as take-over asks it: a log that was published has a checkpoint there, so "none" is no answer. */
export function publishedPlace(options: PlaceOptions): Place {
  return {
    name: options.url,
    async read() {
      const text = await fetchPublished(options)
      if (text === null) throw new PlaceError(`${options.url} holds no checkpoint, where this log is published`)
      return text
    },
  }
}
