/** What the log and the process that holds its token say to each other: one answer to each question, in their order. */
import type { TokenUri } from './uri.ts'

/** How a session is begun. */
interface Access {
  readonly uri: TokenUri
  readonly pin: string
  /** Log in also where the token says that wrong PINs were entered. */
  readonly tryPin: boolean
}

export type Question =
  /** Logs in, and finds the key. */
  | ({ readonly kind: 'open' } & Access)
  /** Logs in, and makes the key in the token, never to leave it. */
  | ({ readonly kind: 'generate' } & Access)
  | { readonly kind: 'sign'; readonly message: Uint8Array }

export type Answer =
  /** Raw public key, 32 bytes. */
  | { readonly kind: 'key'; readonly publicKey: Uint8Array }
  | { readonly kind: 'signature'; readonly signature: Uint8Array }
  | ({ readonly kind: 'failed' } & Failure)

export interface Failure {
  /** Whether the same may succeed later. Otherwise it must not be tried again: a person has to act. */
  readonly mayPass: boolean
  readonly detail: string
}
