/** One witness service, asked about one head at a time. */
import { type Crypto, formatAddCheckpoint, type SignedCheckpoint } from '@samebits/core'
import { codeOf, type Step } from '../tracing/tracing.ts'
import { type Cosignature, judgeAnswer } from './answer.ts'
import { postCheckpoint, type WitnessAnswer } from './client-http.ts'
import { WitnessFailure } from './failure.ts'
import type { WitnessService } from './log-policy.ts'
import type { Pace } from './pace.ts'

export interface AskerParts {
  readonly service: WitnessService
  readonly crypto: Crypto
  readonly fetch: typeof globalThis.fetch
  readonly pace: Pace
  /** For one head, conflicts included. */
  readonly timeoutMs: number
  /** RFC 6962 §2.1.2 between two committed sizes. */
  readonly prove: (from: number, to: number) => Promise<Uint8Array[]>
  /**
   * Called when the witness contradicts this log: holds the storage, read again, against our own signed checkpoints, as far
   * as the witness has one. A bare number proves nothing.
   * @throws BehindError, TreeMismatchError, StorageError
   */
  readonly examine: (service: WitnessService) => Promise<void>
  /** Resolves after a while, at once when aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>
}

/** One head to ask about. */
export interface Question {
  readonly signed: SignedCheckpoint
  /** Ends everything. */
  readonly signal: AbortSignal
  /** False once a newer head is asked about: this one need not be sent any more. */
  readonly current: () => boolean
  /** The quorum needs this witness, though it failed a moment ago. */
  readonly needed: boolean
  /** Where somebody follows the head. */
  readonly step?: Step | null
}

/** The head was overtaken, or the log stops: nobody's failure. */
export class AbandonedError extends Error {
  override readonly name = 'AbandonedError'
}

/** A witness that states other sizes each time is not followed for ever. */
const maxRequests = 3

export class WitnessAsker {
  readonly #parts: AskerParts
  /** What this witness cosigned last, as far as we know; a conflict teaches it again. */
  #cosignedSize = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: AskerParts) {
    this.#parts = parts
  }

  get service(): WitnessService {
    return this.#parts.service
  }

  get pace(): Pace {
    return this.#parts.pace
  }

  /**
   * Waits until the question before is answered, and asks.
   * @returns verified cosignatures, never none
   * @throws WitnessFailure, AbandonedError; BehindError, TreeMismatchError, StorageError: of this log, not of the witness
   */
  ask(question: Question): Promise<readonly Cosignature[]> {
    const answer = this.#turn.then(() => this.#askNow(question))
    this.#turn = answer.catch(() => undefined)
    return answer
  }

  async #askNow(question: Question): Promise<readonly Cosignature[]> {
    await this.#awaitPace(question)
    const { pace, timeoutMs } = this.#parts
    const signal = AbortSignal.any([question.signal, AbortSignal.timeout(timeoutMs)])
    try {
      const cosignatures = await this.#exchange(question, signal)
      this.#cosignedSize = question.signed.checkpoint.size
      pace.succeeded()
      return cosignatures
    } catch (error) {
      if (question.signal.aborted) throw new AbandonedError('the log stops', { cause: error })
      if (error instanceof WitnessFailure) pace.failed(error.retryAfterSeconds)
      throw error
    }
  }

  async #awaitPace({ signal, current, needed }: Question): Promise<void> {
    const { pace, timeoutMs, sleep } = this.#parts
    if (pace.closed) throw new WitnessFailure('busy', 'it asked not to be asked again so soon')
    if (pace.backingOff && !needed) throw new AbandonedError('it failed a moment ago')
    if (pace.waitMs > timeoutMs) throw new WitnessFailure('budget', 'the requests to this witness are used up for now')
    await sleep(pace.waitMs, signal)
    if (signal.aborted || !current()) throw new AbandonedError('a newer head is asked about')
  }

  /** Sends the head, again after a conflict with a proof from the size that the witness states. */
  async #exchange({ signed, step = null }: Question, signal: AbortSignal): Promise<readonly Cosignature[]> {
    const { service, examine, pace } = this.#parts
    const { size } = signed.checkpoint
    for (let request = 0; request < maxRequests; request++) {
      pace.sent(request > 0)
      const judged = await this.#send(signed, signal, step)
      if (judged.kind === 'cosigned') return judged.cosignatures
      if (judged.size > size) {
        await examine(service)
        throw new WitnessFailure('conflict', `it says that it cosigned size ${judged.size}, above the ${size} sent`)
      }
      this.#cosignedSize = judged.size
    }
    throw new WitnessFailure('conflict', 'it states another size each time')
  }

  async #send(
    signed: SignedCheckpoint,
    signal: AbortSignal,
    step: Step | null,
  ): Promise<ReturnType<typeof judgeAnswer>> {
    const { crypto, service, prove, examine } = this.#parts
    const { size } = signed.checkpoint
    const oldSize = this.#cosignedSize
    const proof = oldSize === 0 || oldSize === size ? [] : await prove(oldSize, size)
    const body = formatAddCheckpoint({ oldSize, proof, checkpoint: signed })
    const answer = await this.#post(body, signal, step)
    try {
      return judgeAnswer(crypto, answer, { signed, witnesses: service.witnesses })
    } catch (error) {
      if (error instanceof WitnessFailure && contradicts(answer.status)) await examine(service)
      throw error
    }
  }

  async #post(body: string, signal: AbortSignal, step: Step | null): Promise<WitnessAnswer> {
    const { service, fetch } = this.#parts
    const request = step?.request('POST add-checkpoint', {
      'http.request.method': 'POST',
      'server.address': new URL(service.submission).hostname,
      'samebits.witness': service.name,
    })
    try {
      const answer = await postCheckpoint({ fetch, prefix: service.submission, signal }, body)
      const error = answer.status < 400 ? undefined : String(answer.status)
      request?.end({ 'http.response.status_code': answer.status }, error)
      return answer
    } catch (error) {
      request?.end({}, error instanceof WitnessFailure ? error.kind : codeOf(error))
      throw error
    }
  }
}

/** 422, or 409 without a size: the root that we sent is not the one that the witness knows, or it lies. */
function contradicts(status: number): boolean {
  return status === 409 || status === 422
}
