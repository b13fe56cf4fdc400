/** What this program needs of the machine it runs on. main.ts hands in the real parts, tests their own. */

/** The global `fetch`, or one that behaves like it. */
export type Fetch = (input: string, init?: RequestInit) => Promise<Response>

export interface Machine {
  readonly fetch: Fetch
  /** Unix time in seconds. Never decides what is signed: only how long to wait, and what the release check calls fresh. */
  now(): number
  /** Milliseconds that only go up. */
  elapsedMs(): number
  /** A number in [0, 1). Spreads retries; no secret comes from it. */
  random(): number
  /** Waits, and throws the signal's reason where it is aborted meanwhile. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
  /** One plain line for the person who watches. */
  say(line: string): void
}
