/**
 * A witness: checks that a log only grows, persists that it saw so, and says it with its keys (C2SP tlog-witness).
 *
 * A request's way: the log's signature, in the thread pool; then, one request of a log at a time, the check against the record;
 * the cosignatures, in the thread pool; the new record, durable, in one transaction with those of other logs, and only if the record
 * is still the one that was checked; the answer. So check and persist are one step for each log, no cosignature leaves before the
 * state that it vouches for is on the disk, and the main thread neither verifies nor signs.
 */
import {
  type AddCheckpointRequest,
  type Crypto,
  formatSignatureLines,
  grantedDecision,
  isLineOf,
  judgeAddCheckpoint,
  type NoteSignature,
  parseSignedCheckpoint,
  type Suspicion,
  toHex,
  unknownOrigin,
  unsigned,
  utf8,
  type WitnessDecision,
  type WitnessRefusal,
} from '@samebits/core'
import { Commits, RecordChangedError } from './commits.ts'
import type { Cosigning } from './cosigner.ts'
import type { LogList } from './log-list.ts'
import { type VerifyLater, verifyLogged } from './log-signature.ts'
import { Turns } from './turns.ts'
import { StoreUnavailableError, type WitnessStore } from './witness-store.ts'

export interface WitnessParts {
  readonly crypto: Crypto
  readonly verify: VerifyLater
  /** Nothing else writes to it while the witness lives. */
  readonly store: WitnessStore
  readonly cosigning: Cosigning
  /** The logs known now: the list may be replaced while the witness runs. */
  readonly logs: () => LogList
  /** Unix seconds. */
  readonly now: () => number
  /** Runs `work` once the input that is waiting was read. */
  readonly defer: (work: () => void) => void
  /** Most requests that wait at once. */
  readonly maxPending: number
  /** A signed checkpoint that does not fit; called before the answer, never for what the log did not sign. Does not throw. */
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

export class Witness {
  readonly #parts: WitnessParts
  /** Of every log ever cosigned, listed now or not, by the SHA-256 of its origin in lower-case hex. */
  readonly #origins = new Map<string, string>()
  readonly #turns = new Turns()
  readonly #commits: Commits
  #pending = 0
  #halted: WitnessHaltedError | null = null

  constructor(parts: WitnessParts) {
    this.#parts = parts
    this.#commits = new Commits(parts.store, parts.defer)
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
   * request met, which has written nothing
   */
  add(request: AddCheckpointRequest): Promise<WitnessDecision> {
    const { origin } = request.checkpoint.checkpoint
    return this.#logged(request, (logLines) => this.#turns.take(origin, () => this.#judge(request, logLines)))
  }

  /**
   * The lines that were given when this very checkpoint was cosigned last: nothing is signed, nothing is written. Null where another
   * one was, or none. C2SP tlog-cosignature lets a line say the time at which its witness saw the tree last.
   * @throws as `add`
   */
  repeat(request: AddCheckpointRequest): Promise<{ readonly status: number; readonly body: string } | null> {
    return this.#logged(request, async () => {
      const { store, cosigning } = this.#parts
      const { checkpoint, note } = request.checkpoint
      const record = this.#stored(() => store.read(checkpoint.origin))
      if (record === null || record.size !== request.oldSize) return null
      const cosigned = parseSignedCheckpoint(record.checkpoint).note
      if (cosigned.text !== note.text) return null
      const lines = cosigned.signatures.filter((line) => cosigning.keys.some((key) => isLineOf(line, key)))
      return lines.length === 0 ? null : { status: 200, body: formatSignatureLines(lines) }
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

  /** What every request passes: the witness cosigns, not too many wait, and the log signed the checkpoint. Then `answer`. */
  async #logged<T>(
    { checkpoint }: AddCheckpointRequest,
    answer: (logLines: readonly NoteSignature[]) => Promise<T>,
  ): Promise<T | WitnessRefusal> {
    if (this.#halted !== null) throw this.#halted
    if (this.#pending >= this.#parts.maxPending) throw new WitnessBusyError(`${this.#pending} requests wait`)
    this.#pending++
    try {
      const { logs, verify } = this.#parts
      const log = logs().get(checkpoint.checkpoint.origin)
      if (log === undefined) return unknownOrigin
      const logLines = await verifyLogged(verify, checkpoint, log.keys)
      return logLines === null ? unsigned : await answer(logLines)
    } finally {
      this.#pending--
    }
  }

  /** Runs alone among the requests of its log. */
  async #judge(request: AddCheckpointRequest, logLines: readonly NoteSignature[]): Promise<WitnessDecision> {
    if (this.#halted !== null) throw this.#halted
    const { crypto, store, cosigning, now, suspect } = this.#parts
    const { origin } = request.checkpoint.checkpoint
    const before = this.#stored(() => store.read(origin))
    const { keys } = cosigning
    const judged = judgeAddCheckpoint(crypto, { request, logLines, record: before, keys, now: now() })
    if (judged.status !== 'grant') {
      if (judged.suspicion !== null) suspect(origin, judged.suspicion)
      return judged
    }
    const decision = grantedDecision(judged, await cosigning.sign(judged))
    await this.#commits.write({ origin, before, after: decision.record }).catch((error) => this.#fail(error))
    this.#remember(origin)
    return decision
  }

  #remember(origin: string): void {
    this.#origins.set(toHex(this.#parts.crypto.sha256(utf8(origin))), origin)
  }

  #stored<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      return this.#fail(error)
    }
  }

  /** After a failed sync nobody knows what is on the disk: only a new process, which reads it, may sign again. */
  #fail(cause: unknown): never {
    if (cause instanceof StoreUnavailableError || cause instanceof RecordChangedError) throw cause
    if (this.#halted === null) {
      const message = 'the state could not be written; nothing is cosigned until a restart'
      this.#halted = new WitnessHaltedError(message, { cause })
      this.#parts.halted(this.#halted)
    }
    throw this.#halted
  }
}
