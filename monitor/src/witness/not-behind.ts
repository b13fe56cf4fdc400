/**
 * A witness must not start on a state that is behind what it has signed (docs/log.md, *Being a witness*): a restored backup
 * would cosign a second history. So it looks at its own monitoring copies where they are published: our own cosignature on a
 * larger size, or on another root at ours, refuses the start.
 */
import {
  type Crypto,
  equalBytes,
  fromUtf8,
  httpGet,
  NoteError,
  type NoteSigner,
  parseSignedCheckpoint,
  SourceError,
  toHex,
  utf8,
  verifyCheckpoint,
} from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { LogList } from './log-list.ts'
import type { WitnessStore } from './witness-store.ts'

export interface NotBehindParts {
  readonly crypto: Crypto
  readonly store: WitnessStore
  readonly signers: readonly NoteSigner[]
  readonly logs: LogList
  /** The monitoring prefix under which this witness's copies are published; `<url>/<origin hash>/checkpoint`. */
  readonly monitoringUrl: string
  readonly fetch: typeof globalThis.fetch
  readonly timeoutMs: number
}

const maxCheckpointBytes = 64 * 1024

/**
 * Resolves when every published copy fits the state.
 * @throws ProgramError WITNESS_BEHIND; MONITORING_UNREACHABLE where a copy can neither be read nor is answered 404: whether this state
 * is old cannot be told then
 */
export async function demandNotBehind(parts: NotBehindParts): Promise<void> {
  for (const origin of parts.logs.keys()) {
    const text = await fetchCopy(parts, origin)
    if (text === null) continue
    const copy = parseSignedCheckpoint(text)
    if (copy.checkpoint.origin !== origin || !isOurs(parts, text)) continue
    const record = parts.store.read(origin)
    const { size, root } = copy.checkpoint
    if (record !== null && size < record.size) continue
    if (record !== null && size === record.size && equalBytes(root, record.root)) continue
    throw new ProgramError({
      code: 'WITNESS_BEHIND',
      detail: `this witness has cosigned ${origin} at size ${size}, and its state ${record === null ? 'knows nothing of that log' : `says ${record.size}`}`,
      remedy: 'Restore the newest state, or retire these keys: an old state would cosign a second history.',
    })
  }
}

/** Only our own valid cosignature proves that we are behind; a copy that is not ours is nobody's word. */
function isOurs({ crypto, signers }: NotBehindParts, text: string): boolean {
  try {
    return (
      verifyCheckpoint(
        crypto,
        parseSignedCheckpoint(text),
        signers.map(({ key }) => key),
      ).length > 0
    )
  } catch (error) {
    if (error instanceof NoteError) return false
    throw error
  }
}

async function fetchCopy({ crypto, monitoringUrl, fetch, timeoutMs }: NotBehindParts, origin: string) {
  const url = `${monitoringUrl.replace(/\/$/, '')}/${toHex(crypto.sha256(utf8(origin)))}/checkpoint`
  const signal = () => AbortSignal.timeout(timeoutMs)
  try {
    return fromUtf8(await httpGet({ fetch, signal, allowHttpLoopback: true }, url, maxCheckpointBytes))
  } catch (cause) {
    if (cause instanceof SourceError && cause.kind === 'missing') return null
    throw new ProgramError({
      code: 'MONITORING_UNREACHABLE',
      detail: `${url} gave no answer`,
      remedy: 'Start again when it can be reached; until then nobody can tell whether this state is the newest.',
      exitCode: 74,
      cause,
    })
  }
}
