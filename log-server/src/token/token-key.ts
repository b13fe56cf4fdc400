/**
 * The log's Ed25519 key in a PKCS#11 token. The session is opened when it is first needed, and again after it was lost; who signs
 * decides how often. What the token refuses for good, such as a wrong PIN, is not tried again by this process.
 */
import { equalBytes } from '@samebits/core'
import { type DistantKey, KeyRefusedError, KeyUnavailableError } from '../signer.ts'
import type { Answer, Question } from './messages.ts'
import { TokenGoneError, TokenProcess } from './token-process.ts'
import type { TokenUri } from './uri.ts'

export interface TokenAccess {
  readonly uri: TokenUri
  readonly pin: string
  /** A person says that the PIN is right, although the token counts wrong ones. */
  readonly tryPin: boolean
  readonly timeoutMs: number
  /** Environment of the process that holds the token, without what is secret here. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

export class TokenKey implements DistantKey {
  readonly algorithm = 'ed25519'
  readonly publicKey: Uint8Array
  readonly #access: TokenAccess
  #opening: Promise<TokenProcess> | null = null
  #process: TokenProcess | null = null
  #refused: KeyRefusedError | null = null

  /** @param publicKey as this log is known by, raw: a token with another one is refused */
  constructor(access: TokenAccess, publicKey: Uint8Array) {
    this.#access = access
    this.publicKey = publicKey
  }

  async ready(): Promise<void> {
    await this.#open()
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    const holder = await this.#open()
    try {
      const answer = await ask(holder, { kind: 'sign', message })
      if (answer.kind === 'signature') return new Uint8Array(answer.signature)
      throw new KeyUnavailableError('the process that holds the token speaks another language')
    } catch (error) {
      // Whatever went wrong, a new session is what may mend it.
      this.#drop(holder)
      throw error
    }
  }

  /** Ends the session; the next signature opens another one. */
  close(): void {
    if (this.#process !== null) this.#drop(this.#process)
  }

  /** Of the process that holds the token; for tests and the operator. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  #drop(holder: TokenProcess): void {
    holder.end()
    if (this.#process === holder) this.#process = null
  }

  #open(): Promise<TokenProcess> {
    if (this.#refused !== null) return Promise.reject(this.#refused)
    if (this.#process !== null && !this.#process.gone) return Promise.resolve(this.#process)
    this.#opening ??= this.#begin().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async #begin(): Promise<TokenProcess> {
    try {
      const { holder, publicKey } = await openToken(this.#access, 'open')
      this.#process = holder
      if (equalBytes(publicKey, this.publicKey)) return holder
      this.#drop(holder)
      throw new KeyRefusedError('the token holds another key than the one that this log is known by')
    } catch (error) {
      if (error instanceof KeyRefusedError) this.#refused = error
      throw error
    }
  }
}

/** Logs in, and finds or makes the key. @throws KeyUnavailableError, KeyRefusedError */
export async function openToken(
  { uri, pin, tryPin, timeoutMs, environment }: TokenAccess,
  kind: 'open' | 'generate',
): Promise<{ holder: TokenProcess; publicKey: Uint8Array }> {
  const holder = new TokenProcess(environment, timeoutMs)
  try {
    const answer = await ask(holder, { kind, uri, pin, tryPin })
    if (answer.kind === 'key') return { holder, publicKey: new Uint8Array(answer.publicKey) }
    throw new KeyUnavailableError('the process that holds the token speaks another language')
  } catch (error) {
    holder.end()
    throw error
  }
}

async function ask(holder: TokenProcess, question: Question): Promise<Exclude<Answer, { kind: 'failed' }>> {
  const answer = await holder.ask(question).catch((error: unknown) => {
    if (error instanceof TokenGoneError) throw new KeyUnavailableError(error.message)
    throw error
  })
  if (answer.kind !== 'failed') return answer
  throw answer.mayPass ? new KeyUnavailableError(answer.detail) : new KeyRefusedError(answer.detail)
}
