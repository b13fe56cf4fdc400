/**
 * A witness: checks that a log only grows, persists that it saw so, and says it with its keys (C2SP tlog-witness).
 *
 * Requests that arrive together are decided one after the other in one transaction and answered after its commit: check and
 * persist are atomic, no signature leaves before the state that it vouches for is durable, and many logs share one sync of
 * the disk.
 */
import {
  type AddCheckpointRequest,
  type Crypto,
  type NoteSigner,
  processAddCheckpoint,
  type Suspicion,
  toHex,
  utf8,
  type WitnessDecision,
} from '@samebits/core'
import type { LogList } from './log-list.ts'
import { StoreUnavailableError, type WitnessStore, type WitnessTransaction } from './witness-store.ts'

export interface WitnessParts {
  readonly crypto: Crypto
  readonly store: WitnessStore
  /** One for each key, all of one name. */
  readonly signers: readonly NoteSigner[]
  /** The logs known now: the list may be replaced while the witness runs. */
  readonly logs: () => LogList
  /** Unix seconds. */
  readonly now: () => number
  /** Runs `work` once the input that is waiting was read. */
  readonly defer: (work: () => void) => void
  /** Most requests that wait at once. */
  readonly maxPending: number
  /** A signed checkpoint that does not fit; called after the commit, never for what the log did not sign. Does not throw. */
  readonly suspect: (origin: string, suspicion: Suspicion) => void
  /** Called once, when the state could not be written. */
  readonly halted: (error: WitnessHaltedError) => void
}

/** Too many requests wait. */
export class WitnessBusyError extends Error {
  override readonly name = 'WitnessBusyError'
  readonly code = 'BUSY'
}

/** The state could not be written: nothing is cosigned until a new process has read it back. */
export class WitnessHaltedError extends Error {
  override readonly name = 'WitnessHaltedError'
  readonly code = 'HALTED'
}

/**
 * Most requests of one transaction: each costs about two milliseconds of signing, and in the meantime nobody else is heard; between
 * two of them node accepts no more than one new connection.
 */
const maxBatch = 16

interface Pending {
  readonly request: AddCheckpointRequest
  readonly resolve: (decision: WitnessDecision) => void
  readonly reject: (error: unknown) => void
}

/** A defect that one request met concerns that request alone: it has written nothing. */
type Outcome = { readonly decision: WitnessDecision } | { readonly defect: unknown }

export class Witness {
  readonly #parts: WitnessParts
  /** Of every log ever cosigned, listed now or not, by the SHA-256 of its origin in lower-case hex. */
  readonly #origins = new Map<string, string>()
  readonly #queue: Pending[] = []
  #scheduled = false
  #halted: WitnessHaltedError | null = null

  constructor(parts: WitnessParts) {
    this.#parts = parts
    for (const origin of parts.store.origins()) this.#remember(origin)
  }

  /** Null while it cosigns. */
  get halted(): WitnessHaltedError | null {
    return this.#halted
  }

  /** Logs that were ever cosigned. */
  get cosignedLogs(): number {
    return this.#origins.size
  }

  /**
   * Decides one request; resolves once what it allows is durable.
   * @throws WitnessBusyError, WitnessHaltedError; StoreUnavailableError, nothing was written; any other error, a defect that this
   * request met
   */
  add(request: AddCheckpointRequest): Promise<WitnessDecision> {
    if (this.#halted !== null) return Promise.reject(this.#halted)
    if (this.#queue.length >= this.#parts.maxPending)
      return Promise.reject(new WitnessBusyError(`${this.#queue.length} requests wait`))
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject })
      this.#schedule()
    })
  }

  /**
   * The checkpoint that was cosigned last, with the log's lines and ours (C2SP tlog-witness, "Monitor Retrieval Mechanism"); null
   * where this witness never cosigned that log.
   */
  monitoringCopy(originHash: string): string | null {
    const origin = this.#origins.get(originHash)
    return origin === undefined ? null : (this.#parts.store.read(origin)?.checkpoint ?? null)
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#parts.defer(() => this.#run())
  }

  #run(): void {
    this.#scheduled = false
    const batch = this.#queue.splice(0, maxBatch)
    try {
      const outcomes = this.#parts.store.transact((transaction) =>
        batch.map(({ request }) => this.#decide(transaction, request)),
      )
      for (const [at, outcome] of outcomes.entries()) this.#answer(batch[at] as Pending, outcome)
    } catch (error) {
      this.#fail(batch, error)
    }
    if (this.#queue.length > 0) this.#schedule()
  }

  #decide(transaction: WitnessTransaction, request: AddCheckpointRequest): Outcome {
    const { crypto, signers, logs, now } = this.#parts
    const { origin } = request.checkpoint.checkpoint
    const logKeys = logs().get(origin)?.keys ?? null
    const record = logKeys === null ? null : transaction.read(origin)
    let decision: WitnessDecision
    try {
      decision = processAddCheckpoint(crypto, { request, logKeys, record, signers, now: now() })
    } catch (defect) {
      return { defect }
    }
    if (decision.status === 200) transaction.write(origin, decision.record)
    return { decision }
  }

  #answer({ request, resolve, reject }: Pending, outcome: Outcome): void {
    if ('defect' in outcome) {
      reject(outcome.defect)
      return
    }
    const { decision } = outcome
    const { origin } = request.checkpoint.checkpoint
    if (decision.status === 200) this.#remember(origin)
    else if (decision.suspicion !== null) this.#parts.suspect(origin, decision.suspicion)
    resolve(decision)
  }

  #remember(origin: string): void {
    this.#origins.set(toHex(this.#parts.crypto.sha256(utf8(origin))), origin)
  }

  /** After a failed sync nobody knows what is on the disk: only a new process, which reads it, may sign again. */
  #fail(batch: readonly Pending[], cause: unknown): void {
    if (cause instanceof StoreUnavailableError) {
      for (const { reject } of batch) reject(cause)
      return
    }
    const halted = new WitnessHaltedError('the state could not be written; nothing is cosigned until a restart', {
      cause,
    })
    this.#halted = halted
    for (const { reject } of [...batch, ...this.#queue.splice(0)]) reject(halted)
    this.#parts.halted(halted)
  }
}
