/**
 * A witness must not cosign from a state that is behind what it has signed (docs/log.md, *Being a witness*): a restored backup
 * would cosign a second history. So it looks at its own monitoring copies where they are published: our own cosignature on a
 * larger size, on another root at ours, or there at a later time, refuses the log.
 */
import {
  type Crypto,
  equalBytes,
  FormatError,
  fromUtf8,
  httpGet,
  NoteError,
  parseSignedCheckpoint,
  type SignedCheckpoint,
  SourceError,
  toHex,
  utf8,
  type VerifierKey,
  verifyCheckpoint,
} from '@samebits/core'
import { exitCodes, ProgramError } from '@samebits/host'
import type { Cosigner } from './cosigner.ts'
import type { WitnessStore } from './witness-store.ts'

export interface NotBehindParts {
  readonly crypto: Crypto
  readonly store: WitnessStore
  readonly signers: readonly Cosigner[]
  /** Time of the newest line of ours on the recorded tree, Unix seconds; null where the state keeps none. */
  readonly signedAt: (origin: string) => number | null
  /** The monitoring prefix under which this witness's copies are published; `<url>/<origin hash>/checkpoint`. */
  readonly monitoringUrl: string
  readonly fetch: typeof globalThis.fetch
  readonly timeoutMs: number
  /** A copy without our cosignature: nobody's word, and no reason to refuse. */
  readonly notOurs: (origin: string) => void
}

const maxCheckpointBytes = 512 * 1024
const atOnce = 8

/**
 * Resolves when every published copy fits the state.
 * @throws ProgramError WITNESS_BEHIND; MONITORING_UNREACHABLE where a copy is neither served as a checkpoint nor answered 404:
 * whether this state is old cannot be told then
 */
export async function demandNotBehind(parts: NotBehindParts, origins: Iterable<string>): Promise<void> {
  const waiting = [...origins]
  const worker = async () => {
    for (let origin = waiting.pop(); origin !== undefined; origin = waiting.pop()) await compare(parts, origin)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, worker))
}

async function compare(parts: NotBehindParts, origin: string): Promise<void> {
  const copy = await fetchCopy(parts, origin)
  if (copy === null) return
  const times = copy.checkpoint.origin === origin ? ourTimes(parts, copy) : []
  if (times.length === 0) return parts.notOurs(origin)
  const { size, root } = copy.checkpoint
  const known = behind(parts, { origin, size, root, time: Math.max(...times) })
  if (known === null) return
  throw new ProgramError({
    code: 'WITNESS_BEHIND',
    detail: `this witness has cosigned ${origin} at size ${size}, and its state ${known}`,
    remedy: 'Restore the newest state, or retire these keys: an old state would cosign a second history.',
  })
}

interface Cosigned {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** Unix seconds. */
  readonly time: number
}

/** What the state has instead; null where it has seen that cosignature. */
function behind({ store, signedAt }: NotBehindParts, { origin, size, root, time }: Cosigned): string | null {
  const record = store.read(origin)
  if (record === null) return 'knows nothing of that log'
  if (size < record.size) return null
  if (size > record.size) return `has size ${record.size}`
  if (!equalBytes(root, record.root)) return 'has another root there'
  // With a clock that was set back, growth would be cosigned for an earlier time than a smaller tree.
  const last = signedAt(origin)
  return last !== null && time > last ? `has an earlier time there, ${last} instead of ${time}` : null
}

/** A single valid line of ours convinces, whatever was put beside it. */
function ourTimes({ crypto, signers }: NotBehindParts, copy: SignedCheckpoint): readonly number[] {
  return signers.flatMap(({ key }) => timesOf(crypto, copy, key))
}

function timesOf(crypto: Crypto, copy: SignedCheckpoint, key: VerifierKey): readonly number[] {
  try {
    return verifyCheckpoint(crypto, copy, [key]).map(({ timestamp }) => timestamp ?? 0)
  } catch (error) {
    if (error instanceof NoteError) return []
    throw error
  }
}

async function fetchCopy(parts: NotBehindParts, origin: string): Promise<SignedCheckpoint | null> {
  const { crypto, monitoringUrl, fetch, timeoutMs } = parts
  const url = `${monitoringUrl.replace(/\/$/, '')}/${toHex(crypto.sha256(utf8(origin)))}/checkpoint`
  const signal = () => AbortSignal.timeout(timeoutMs)
  try {
    const bytes = await httpGet({ fetch, signal, allowHttpLoopback: true }, url, maxCheckpointBytes)
    return parseSignedCheckpoint(fromUtf8(bytes))
  } catch (cause) {
    if (cause instanceof SourceError && cause.kind === 'missing') return null
    const unusable = cause instanceof FormatError || cause instanceof NoteError
    if (!unusable && !(cause instanceof SourceError)) throw cause
    throw new ProgramError({
      code: 'MONITORING_UNREACHABLE',
      detail: `${url} gave no checkpoint: ${cause.message}`,
      remedy: 'Try again when it can be reached; until then nobody can tell whether this state is the newest.',
      exitCode: exitCodes.io,
      cause,
    })
  }
}
