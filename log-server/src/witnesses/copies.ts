/**
 * What the witnesses hold of this log, from their monitoring prefixes (C2SP tlog-witness, "Monitor Retrieval Mechanism"):
 *
 *     GET <monitoring prefix>/<SHA-256 of the origin, lower-case hex>/checkpoint
 *
 * Asked before anything is signed (docs/log.md rule 3), so that a storage that was restored from a backup is noticed.
 */
import {
  FormatError,
  fromUtf8,
  type Hasher,
  httpGet,
  MAX_CHECKPOINT_SIZE,
  type Policy,
  SourceError,
  satisfiesQuorum,
  toHex,
  utf8,
} from '@samebits/core'
import { type HeadSigner, openOwn } from '../signer.ts'
import type { WitnessCopies } from '../witnessing.ts'
import type { WitnessService } from './log-policy.ts'

export interface CopyParts {
  readonly hasher: Hasher
  readonly signer: HeadSigner
  readonly fetch: typeof globalThis.fetch
  readonly timeoutMs: number
}

/** Not an answer; the message says why. */
export class NoCopyError extends Error {
  override readonly name = 'NoCopyError'
}

/** Asks all at once. "None" is an answer, and so is a checkpoint under our own valid signature; nothing else is. */
export async function readCopies(
  parts: CopyParts,
  policy: Policy,
  services: readonly WitnessService[],
): Promise<WitnessCopies> {
  const answers = await Promise.all(
    services.map(async (service) => {
      try {
        return { service, checkpoint: await readCopy(parts, service), problem: null }
      } catch (error) {
        if (!(error instanceof NoCopyError)) throw error
        return { service, checkpoint: null, problem: error.message }
      }
    }),
  )
  const answered = answers.filter(({ problem }) => problem === null)
  const names = answered.flatMap(({ service }) => service.witnesses.map(({ name }) => name))
  const enough = satisfiesQuorum(policy, new Set(names))
  const problems = answers.flatMap(({ service, problem }) => (problem === null ? [] : `${service.name}: ${problem}`))
  return {
    found: answered.flatMap(({ service, checkpoint }) =>
      checkpoint === null ? [] : { name: `the copy of witness ${service.name}`, checkpoint },
    ),
    missing: enough ? null : problems.join('; '),
  }
}

/** A checkpoint of ours, or null for "none". @throws NoCopyError */
export async function readCopy(
  { hasher, signer, fetch, timeoutMs }: CopyParts,
  { monitoring }: WitnessService,
): Promise<string | null> {
  const url = `${monitoring}/${toHex(hasher.sha256(utf8(signer.origin)))}/checkpoint`
  try {
    const signal = () => AbortSignal.timeout(timeoutMs)
    const text = fromUtf8(await httpGet({ fetch, signal, allowHttpLoopback: true }, url, MAX_CHECKPOINT_SIZE))
    if (openOwn(signer, text) !== null) return text
    throw new NoCopyError('what it holds is not signed by this log')
  } catch (cause) {
    if (cause instanceof SourceError && cause.kind === 'missing') return null
    if (cause instanceof SourceError) throw new NoCopyError(cause.detail, { cause })
    if (cause instanceof FormatError) throw new NoCopyError('what it holds is no text', { cause })
    throw cause
  }
}
