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
  type WitnessDecision,
} from '@samebits/core'
import type { LogList } from './log-list.ts'
import type { WitnessStore, WitnessTransaction } from './witness-store.ts'

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
  /** A signed checkpoint that does not fit; called after the commit, never for what the log did not sign. */
  readonly suspect: (origin: string, suspicion: Suspicion) => void
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

interface Pending {
  readonly request: AddCheckpointRequest
  readonly resolve: (decision: WitnessDecision) => void
  readonly reject: (error: unknown) => void
}

export class Witness {
  readonly #parts: WitnessParts
  #queue: Pending[] = []
  #scheduled = false
  #halted: WitnessHaltedError | null = null

  constructor(parts: WitnessParts) {
    this.#parts = parts
  }

  /** Null while it cosigns. */
  get halted(): WitnessHaltedError | null {
    return this.#halted
  }

  /**
   * Decides one request; resolves once what it allows is durable.
   * @throws WitnessBusyError, WitnessHaltedError
   */
  add(request: AddCheckpointRequest): Promise<WitnessDecision> {
    if (this.#halted !== null) return Promise.reject(this.#halted)
    if (this.#queue.length >= this.#parts.maxPending)
      return Promise.reject(new WitnessBusyError(`${this.#queue.length} requests wait`))
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject })
      if (this.#scheduled) return
      this.#scheduled = true
      this.#parts.defer(() => this.#run())
    })
  }

  /** The monitoring copy of a log; null where this witness never cosigned it. */
  monitoringCopy(origin: string): string | null {
    return this.#parts.store.read(origin)?.checkpoint ?? null
  }

  #run(): void {
    this.#scheduled = false
    const batch = this.#queue.splice(0)
    let decisions: readonly WitnessDecision[]
    try {
      decisions = this.#parts.store.transact((transaction) =>
        batch.map(({ request }) => this.#decide(transaction, request)),
      )
    } catch (cause) {
      this.#halt(batch, cause)
      return
    }
    batch.forEach(({ request, resolve }, at) => {
      const decision = decisions[at] as WitnessDecision
      if ('suspicion' in decision && decision.suspicion !== null)
        this.#parts.suspect(request.checkpoint.checkpoint.origin, decision.suspicion)
      resolve(decision)
    })
  }

  #decide(transaction: WitnessTransaction, request: AddCheckpointRequest): WitnessDecision {
    const { crypto, signers, logs, now } = this.#parts
    const { origin } = request.checkpoint.checkpoint
    const logKeys = logs().get(origin)?.keys ?? null
    const record = logKeys === null ? null : transaction.read(origin)
    const decision = processAddCheckpoint(crypto, { request, logKeys, record, signers, now: now() })
    if (decision.status === 200) transaction.write(origin, decision.record)
    return decision
  }

  /** After a failed write nobody knows what is on the disk: only a new process, which reads it, may sign again. */
  #halt(batch: readonly Pending[], cause: unknown): void {
    this.#halted = new WitnessHaltedError('the state could not be written; nothing is cosigned until a restart', {
      cause,
    })
    for (const { reject } of [...batch, ...this.#queue.splice(0)]) reject(this.#halted)
  }
}
