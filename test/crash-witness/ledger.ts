/**
 * What clients of a witness were answered while it was killed again and again, and the verdict over it: for each log one history,
 * times that never go down, and no cosignature that the state has forgotten.
 */
import assert from 'node:assert/strict'
import {
  formatNote,
  openCheckpoint,
  parseAddCheckpointResponse,
  parseSignedCheckpoint,
  parseVkey,
  type SignedCheckpoint,
  toBase64,
  verifyCheckpoint,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import type { TestLog } from '../../monitor/src/testing.ts'

/** The largest size and the latest time that were cosigned in an answer; 0 if none was. */
export interface Promised {
  readonly size: number
  readonly time: number
}

interface Seen {
  /** Root of every size that was cosigned, base64. */
  readonly roots: Map<number, string>
  size: number
  time: number
}

export class Ledger {
  readonly #witnessKeys: readonly string[]
  readonly #seen = new Map<TestLog, Seen>()

  constructor(witnessVkeys: readonly string[]) {
    this.#witnessKeys = witnessVkeys
  }

  /** Answers that bore cosignatures. */
  cosigned = 0

  /** The body of a 200 for this checkpoint. */
  answered(log: TestLog, signed: SignedCheckpoint, body: string): void {
    const note = { text: signed.note.text, signatures: parseAddCheckpointResponse(body) }
    this.#note(log, parseSignedCheckpoint(formatNote(note)))
    this.cosigned++
  }

  /** What a state has to know from now on. */
  promised(log: TestLog): Promised {
    const { size, time } = this.#of(log)
    return { size, time }
  }

  /** The monitoring copy after a start: it must be as new as what was promised before. */
  restarted(log: TestLog, copy: string | null, { size, time }: Promised): void {
    if (copy === null) {
      assert.equal(time, 0, `${log.origin} was cosigned at size ${size}, and the state knows nothing of it`)
      return
    }
    const keys = log.signers.map(({ key }) => key)
    const opened = openCheckpoint(nodeCrypto, copy, keys, log.origin)
    assert.ok(opened.checkpoint.size >= size, `cosigned at ${size}, and the state says ${opened.checkpoint.size}`)
    const persisted = this.#note(log, opened)
    assert.ok(persisted >= time, `cosigned at time ${time}, and the state says ${persisted}`)
  }

  /** Gives the earliest time of the lines. */
  #note(log: TestLog, signed: SignedCheckpoint): number {
    const keys = this.#witnessKeys.map((vkey) => parseVkey(nodeCrypto, vkey))
    const times = verifyCheckpoint(nodeCrypto, signed, keys).map(({ timestamp }) => timestamp ?? 0)
    assert.equal(times.length, keys.length, 'every key of the witness signs every checkpoint')
    const seen = this.#of(log)
    const { size } = signed.checkpoint
    const root = toBase64(signed.checkpoint.root)
    assert.equal(seen.roots.get(size) ?? root, root, `two roots of ${log.origin} were cosigned at size ${size}`)
    seen.roots.set(size, root)
    seen.size = Math.max(seen.size, size)
    seen.time = Math.max(seen.time, ...times)
    return Math.min(...times)
  }

  /** Everything cosigned lies on the one or the other of the log's two trees, never on both. */
  judge(log: TestLog, salts: readonly string[]): void {
    const { roots } = this.#of(log)
    const fits = salts.filter((salt) => [...roots].every(([size, root]) => toBase64(log.root(size, salt)) === root))
    assert.equal(fits.length, 1, `what was cosigned of ${log.origin} is no single history`)
  }

  #of(log: TestLog): Seen {
    const seen = this.#seen.get(log) ?? { roots: new Map<number, string>(), size: 0, time: 0 }
    this.#seen.set(log, seen)
    return seen
  }
}
