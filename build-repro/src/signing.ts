/**
 * Signing statements: `@sigstore/sign` makes the bundle, core makes the leaf's bytes, and what came out is checked under the
 * key before it goes anywhere (docs/formats.md §1).
 */
import { isDeepStrictEqual } from 'node:util'
import { formatEntry, fromUtf8, mediaTypes, parseEntry, verifyEntryWithKey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder, type Signer } from '@sigstore/sign'
import type { StatementKey } from './keygen.ts'

/** Whoever signs statements: a key file, or an identity that is certified for the moment (`keyless.ts`). */
export interface StatementSigner {
  /** The key's hint, or `<issuer> <san>`. */
  readonly credential: string
  /** One entry: the exact leaf bytes of `payload`, signed. */
  sign(payload: Uint8Array): Promise<Uint8Array>
}

export function keySigner(key: StatementKey): StatementSigner {
  return { credential: key.keyid, sign: (payload) => signStatement(payload, key) }
}

/** A key file as a signer for `@sigstore/sign`. The hint is the SHA-256 of its SPKI and nothing else. */
function keyFileSigner({ key, publicPem, keyid }: StatementKey): Signer {
  return {
    async sign(message) {
      return {
        signature: Buffer.from(key.sign(message)),
        key: { $case: 'publicKey', publicKey: publicPem, hint: keyid },
      }
    },
  }
}

/**
 * One entry: the exact leaf bytes of `payload`, signed.
 *
 * @throws StatementError for a payload that is no statement, Error where the signature does not verify: nothing that a log
 * or a client would refuse leaves this function
 */
export async function signStatement(payload: Uint8Array, statementKey: StatementKey): Promise<Uint8Array> {
  const builder = new DSSEBundleBuilder({ signer: keyFileSigner(statementKey), witnesses: [] })
  const bundle = await builder.create({ data: Buffer.from(payload), type: mediaTypes.statement })
  const [signature] = bundle.content.dsseEnvelope.signatures
  if (signature === undefined) throw new Error('the bundle carries no signature')
  const leaf = formatEntry(nodeCrypto, {
    payload,
    signer: { kind: 'key', hint: statementKey.keyid },
    signature: Uint8Array.from(signature.sig),
  })
  if (!isDeepStrictEqual(JSON.parse(fromUtf8(leaf)), JSON.parse(JSON.stringify(bundleToJSON(bundle)))))
    throw new Error('the bundle that @sigstore/sign made is not the one that is logged')
  if (!verifyEntryWithKey(nodeCrypto, parseEntry(nodeCrypto, leaf), statementKey.key))
    throw new Error('the new signature does not verify')
  return leaf
}
