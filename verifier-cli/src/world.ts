/** What a command is handed of the machine. Only main.ts reaches for `process`. */
import type { Fetch } from '@samebits/updater'
import type { Command } from './command.ts'

/** A stream that is written to; `isTTY` and `columns` where it is a terminal. */
export interface Output {
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
  write(text: string): unknown
}

export interface World {
  readonly version: string
  readonly commands: readonly Command[]
  readonly stdout: Output
  readonly stderr: Output
  /** One JSON object on standard output instead of text. */
  readonly json: boolean
  /** Whether escape sequences may be used on standard output. */
  readonly colour: boolean
  /** Unix seconds. */
  readonly clock: () => number
  /** Milliseconds that only go up. */
  readonly stopwatch: () => number
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly fetch: Fetch
  /** Certificate authorities to trust besides those of Node and the system, PEM; before the first request. */
  readonly trustAuthorities: (pem: string) => void
  /** Makes a function that frees memory which became garbage lately. */
  readonly collector: () => () => void
  readonly os: NodeJS.Platform
  /** `<process.platform>-<process.arch>` */
  readonly platform: string
  readonly uid: number | undefined
  readonly signal: AbortSignal
}
