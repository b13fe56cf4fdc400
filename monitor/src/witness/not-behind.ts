/**
 * A witness must not cosign from a state that is behind what it has signed (docs/log.md, *Being a witness*): a restored backup
 * would cosign a second history. So it looks at its own monitoring copies where they are published: our own cosignature on a
 * larger size, or on another root at ours, refuses the log.
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
  if (copy.checkpoint.origin !== origin || !isOurs(parts, copy)) return parts.notOurs(origin)
  const { size, root } = copy.checkpoint
  const record = parts.store.read(origin)
  if (record !== null && size < record.size) return
  if (record !== null && size === record.size && equalBytes(root, record.root)) return
  const known = record === null ? 'knows nothing of that log' : `has ${sizeOrRoot(size, record.size)}`
  throw new ProgramError({
    code: 'WITNESS_BEHIND',
    detail: `this witness has cosigned ${origin} at size ${size}, and its state ${known}`,
    remedy: 'Restore the newest state, or retire these keys: an old state would cosign a second history.',
  })
}

function sizeOrRoot(cosigned: number, recorded: number): string {
  return cosigned === recorded ? 'another root there' : `size ${recorded}`
}

/** A single valid line of ours convinces, whatever was put beside it. */
function isOurs({ crypto, signers }: NotBehindParts, copy: SignedCheckpoint): boolean {
  return signers.some(({ key }) => hasLine(crypto, copy, key))
}

function hasLine(crypto: Crypto, copy: SignedCheckpoint, key: VerifierKey): boolean {
  try {
    return verifyCheckpoint(crypto, copy, [key]).length > 0
  } catch (error) {
    if (error instanceof NoteError) return false
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
