/**
 * A mirror: keeps a log's entries, and says with its own keys that it has them and serves them (C2SP tlog-mirror).
 *
 * First a checkpoint becomes pending, as at a witness but without a cosignature; then entries are stored, each proven to be under a
 * pending checkpoint; then the mirror signs. What is stored is served at once: it was proven, and every pending checkpoint is
 * consistent with every other, so nothing that is stored will ever have to go. Without keys it is a copy: it does all but sign.
 */
import {
  type AddCheckpointRequest,
  checkSubtree,
  coversCheckpoint,
  equalBytes,
  formatNote,
  HASH_SIZE,
  MAX_SIGNATURES,
  merkleRoot,
  type NoteSignature,
  ProofError,
  parseSignedCheckpoint,
  type SignedCheckpoint,
  TILE_WIDTH,
  toHex,
  utf8,
  type WitnessDecision,
} from '@samebits/core'
import type { Cosigner } from '../witness/cosigner.ts'
import { Turns } from '../witness/turns.ts'
import { Witness, WitnessHaltedError, type WitnessParts } from '../witness/witness.ts'
import { StoreUnavailableError } from '../witness/witness-store.ts'
import type { EntryPackage } from './entry-packages.ts'
import type { MirrorStore, PendingCheckpoint } from './mirror-store.ts'
import { storedRoot } from './stored-tree.ts'

export interface MirrorParts extends Omit<WitnessParts, 'store' | 'cosigning'> {
  readonly store: MirrorStore
  /** All of one name, which no witness has; none for a copy. */
  readonly signers: readonly Cosigner[]
}

/** What is stored and what is asked for do not fit: the log's entries under this checkpoint are others than those stored. */
class MirrorForkError extends Error {
  override readonly name = 'MirrorForkError'
  readonly code = 'MIRROR_FORK'
}

export class Mirror {
  readonly #parts: MirrorParts
  readonly #witness: Witness
  readonly #turns = new Turns()
  readonly #origins = new Map<string, string>()
  #halted: WitnessHaltedError | null = null

  constructor(parts: MirrorParts) {
    this.#parts = parts
    const keys = parts.signers.map(({ key }) => key)
    const cosigning = { keys, sign: async () => [] }
    this.#witness = new Witness({ ...parts, cosigning, halted: (error) => this.#halt(error) })
    for (const origin of parts.store.copies()) this.#remember(origin)
  }

  /** Null while it works. */
  get halted(): WitnessHaltedError | null {
    return this.#halted
  }

  /** Makes a checkpoint the pending one. As `Witness.add`; a 200 has no lines. */
  async addCheckpoint(request: AddCheckpointRequest): Promise<WitnessDecision> {
    if (this.#halted !== null) throw this.#halted
    return await this.#witness.add(request)
  }

  /**
   * Whether a package's entries are those under the pending checkpoint.
   * @throws ProofError where they are not
   */
  check(origin: string, { start, end, entries, proof }: EntryPackage, pending: PendingCheckpoint): void {
    const { crypto, store } = this.#parts
    const first = start - (start % TILE_WIDTH)
    const stored = start === first ? new Uint8Array(0) : store.tile(origin, 0, first / TILE_WIDTH, start - first)
    if (stored === null) throw new ProofError('the entries before the package are not stored')
    const before = Array.from({ length: start - first }, (_, at) =>
      stored.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE),
    )
    const hash = merkleRoot(crypto, [...before, ...crypto.leafHashes(entries)])
    checkSubtree(crypto, { start: first, end, size: pending.size, hash, root: pending.root, proof })
  }

  /** Stores entries that were checked, durably; gives the next entry. @throws as `Witness.add` */
  save(origin: string, start: number, entries: readonly Uint8Array[]): number {
    const next = this.#stored(() => this.#parts.store.append(origin, start, entries))
    this.#remember(origin)
    return next
  }

  /**
   * Makes a pending checkpoint the mirror checkpoint, cosigned, once its entries are stored; gives this mirror's lines, or null where
   * the mirror checkpoint is larger.
   * @param others lines to keep beside the log's, as of witnesses; nobody has verified them
   * @throws as `Witness.add`; MirrorForkError
   */
  publish(
    origin: string,
    pending: PendingCheckpoint,
    others: readonly NoteSignature[] = [],
  ): Promise<NoteSignature[] | null> {
    return this.#turns.take(origin, () => this.#publish(origin, pending, others))
  }

  async #publish(origin: string, pending: PendingCheckpoint, others: readonly NoteSignature[]) {
    const { crypto, store, now } = this.#parts
    const before = this.#stored(() => store.mirrorCheckpoint(origin))
    if (before !== null && before.size > pending.size) return null
    const root = this.#stored(() => storedRoot(crypto, store, origin, pending.size))
    if (!equalBytes(root, pending.root)) throw new MirrorForkError('the stored entries have another root')
    const timestamp = Math.max(now(), before?.timestamp ?? 1)
    const signed = parseSignedCheckpoint(pending.checkpoint)
    const lines = await this.#sign(signed, timestamp)
    const checkpoint = withLines(signed, lines, others)
    if (!this.#stored(() => store.publish(origin, { size: pending.size, timestamp, checkpoint }))) return null
    this.#remember(origin)
    return lines
  }

  #sign({ checkpoint, note }: SignedCheckpoint, timestamp: number): Promise<NoteSignature[]> {
    const covering = this.#parts.signers.filter(({ key }) => coversCheckpoint(key, checkpoint))
    return Promise.all(covering.map((signer) => signer.sign({ checkpoint, body: note.text }, timestamp)))
  }

  /** The log whose copy is served under this hash of its origin, lower-case hex; undefined where there is none. */
  originOf(hash: string): string | undefined {
    return this.#origins.get(hash)
  }

  #remember(origin: string): void {
    this.#origins.set(toHex(this.#parts.crypto.sha256(utf8(origin))), origin)
  }

  #stored<T>(work: () => T): T {
    if (this.#halted !== null) throw this.#halted
    try {
      return work()
    } catch (cause) {
      if (cause instanceof StoreUnavailableError || cause instanceof RangeError) throw cause
      const message = 'the state could not be written; nothing is stored or cosigned until a restart'
      this.#halt(new WitnessHaltedError(message, { cause }))
      throw this.#halted
    }
  }

  #halt(error: WitnessHaltedError): void {
    if (this.#halted !== null) return
    this.#halted = error
    this.#parts.halted(error)
  }
}

/** The note with the log's lines, ours, and of the others those of other keys, as many as a note may have. */
function withLines(
  { note }: SignedCheckpoint,
  ours: readonly NoteSignature[],
  others: readonly NoteSignature[],
): string {
  const signatures = [...note.signatures, ...ours]
  const known = new Set(signatures.map(({ name }) => name))
  const more = others.filter(({ name }) => !known.has(name))
  return formatNote({ text: note.text, signatures: [...signatures, ...more].slice(0, MAX_SIGNATURES) })
}
