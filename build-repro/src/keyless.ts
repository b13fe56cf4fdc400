/**
 * Signing without a key of one's own: a certificate authority in the manner of Fulcio certifies a key for the moment, for whom an
 * OIDC token names, and a timestamp authority says when it signed (docs/formats.md §1). No transparency log of Sigstore's is
 * used: the product's own log is the log. Clients verify it offline by the trust file's `trustedRoot`.
 */
import { canonicalJson, mediaTypes, parseEntry, type Trust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { ProgramError } from '@samebits/host'
import { bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder, FulcioSigner, TSAWitness } from '@sigstore/sign'
import { credentialOf, isSignedBy } from './signers.ts'
import type { StatementSigner } from './signing.ts'

export interface KeylessOptions {
  readonly trust: Trust
  /** Id of the member who signs; null: the only publisher that is an identity. */
  readonly member: string | null
  /** Base URLs, without a path. */
  readonly fulcioUrl: string
  readonly tsaUrl: string
  /** The OIDC token, asked for when it is needed: it may be short-lived. */
  readonly token: () => Promise<string>
  /** For one request. */
  readonly timeoutMs?: number
}

/** @throws ProgramError NOT_A_PUBLISHER where the trust file lists no such identity */
export function keylessSigner(options: KeylessOptions): StatementSigner {
  const { trust } = options
  const credential = credentialToUse(options)
  return {
    credential,
    async sign(payload) {
      const leaf = await certifiedEntry(options, payload)
      if (isSignedBy(trust, parseEntry(nodeCrypto, leaf), credential)) return leaf
      throw new ProgramError({
        code: 'IDENTITY_MISMATCH',
        detail: `what was certified is not ${credential}, or the trust file's trustedRoot does not stand behind it`,
        remedy: 'Compare the token, the URLs and the trust file; nothing was logged.',
        exitCode: 10,
      })
    },
  }
}

function credentialToUse({ trust, member }: KeylessOptions): string {
  const identities = trust.publishers.members.filter(({ credential }) => credential.kind === 'identity')
  const [found, ...others] = identities.filter(({ id }) => member === null || id === member)
  if (found !== undefined && others.length === 0) return credentialOf(found)
  throw new ProgramError({
    code: 'NOT_A_PUBLISHER',
    detail:
      member === null
        ? `the trust file lists ${identities.length} publishers that are identities`
        : `the trust file lists no publisher ${member} that is an identity`,
    remedy: `Name one with --as: ${identities.map(({ id }) => id).join(', ') || 'there is none'}.`,
    exitCode: 10,
  })
}

async function certifiedEntry(options: KeylessOptions, payload: Uint8Array): Promise<Uint8Array> {
  const { fulcioUrl, tsaUrl, token, timeoutMs: timeout = 30_000 } = options
  const identityProvider = { getToken: token }
  const common = { timeout, retry: { retries: 3 } }
  const signer = new FulcioSigner({ fulcioBaseURL: fulcioUrl, identityProvider, ...common })
  const witnesses = [new TSAWitness({ tsaBaseURL: tsaUrl, ...common })]
  try {
    const builder = new DSSEBundleBuilder({ signer, witnesses })
    const bundle = await builder.create({ data: Buffer.from(payload), type: mediaTypes.statement })
    return canonicalJson(bundleToJSON(bundle))
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error instanceof ProgramError) throw error
    throw new ProgramError({
      code: 'KEYLESS',
      detail: `no certificate or timestamp: ${reasonsOf(error)}`,
      remedy: 'Look at the token (is it for this audience, is it fresh?) and the two URLs, and run again.',
      exitCode: 20,
      cause: error,
    })
  }
}

/** What failed, down to the innermost reason; never the token. */
function reasonsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error ? `${error.message}: ${reasonsOf(cause)}` : error.message
}
