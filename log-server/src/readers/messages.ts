/** What a server and its readers say to each other over their channel. The listening socket goes with `begin`. */
import type { ServerLimits } from '../http/server-http.ts'

/** Where the process that writes takes what readers do not answer, and what shows that a reader asks. */
export interface WriterAddress {
  readonly port: number
  readonly token: string
}

export interface ReaderOptions extends ServerLimits {
  readonly origin: string
  /** The log's keys as verifier keys: nothing else is served as its checkpoint. */
  readonly vkeys: readonly string[]
  readonly database: string
  readonly cacheBytes: number
  readonly checkpointMaxAgeSeconds: number
  /** Both empty for plain HTTP. */
  readonly tlsCert: string
  readonly tlsKey: string
  readonly writer: WriterAddress
}

export type ToReader =
  | { readonly kind: 'begin'; readonly options: ReaderOptions }
  /** Read the certificate again. */
  | { readonly kind: 'reload' }
  | { readonly kind: 'stop' }

/** Of the time since the last report. */
export interface ReaderReport {
  readonly kind: 'report'
  /** Requests for checkpoint, tiles and bundles. */
  readonly reads: number
  /** Requests that the writer was asked. */
  readonly relayed: number
  readonly cachedBytes: number
  readonly residentBytes: number
}

export type FromReader =
  | { readonly kind: 'ready' }
  | ReaderReport
  /** For the operator's log. */
  | {
      readonly kind: 'said'
      readonly level: 'info' | 'warn' | 'error'
      readonly fields: object
      readonly message: string
    }
