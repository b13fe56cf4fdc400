/** Key pairs for statements: what a trust file may list (docs/formats.md §1). */
import { readFile } from 'node:fs/promises'
import { FormatError, formatSpkiPem, type KeyAlgorithm, keyHint, parseSpkiPem } from '@samebits/core'
import {
  generateSigningKey,
  nodeCrypto,
  type SigningKey,
  signingKeyFromPem,
  signingKeyToPem,
} from '@samebits/core/node'
import { ProgramError, readKeyFile, systemReason } from '@samebits/host'

export type AlgorithmName = 'ed25519' | 'p256' | 'p384'

/** The names on the command line and the algorithms they stand for. */
export const statementAlgorithms: Readonly<Record<AlgorithmName, KeyAlgorithm>> = {
  ed25519: 'ed25519',
  p256: 'ecdsa-p256',
  p384: 'ecdsa-p384',
}

/** A key that signs statements. */
export interface StatementKey {
  readonly key: SigningKey
  /** SPKI PEM, as a trust file lists it. */
  readonly publicPem: string
  /** Lower-case hex SHA-256 of the SPKI DER: the `hint` and `keyid` of its entries. */
  readonly keyid: string
}

export interface NewKey extends StatementKey {
  /** PKCS #8 PEM: secret. */
  readonly privatePem: string
}

/** @throws ProgramError USAGE for another name */
export function generateKeyPair(algorithm: string): NewKey {
  if (!Object.hasOwn(statementAlgorithms, algorithm))
    throw new ProgramError({
      code: 'USAGE',
      detail: `"${algorithm}" is no algorithm for statements`,
      remedy: `Use one of: ${Object.keys(statementAlgorithms).join(', ')}.`,
    })
  const key = generateSigningKey(statementAlgorithms[algorithm as AlgorithmName])
  return { ...publicHalf(key), privatePem: signingKeyToPem(key) }
}

/**
 * Reads the key that signs statements.
 *
 * @throws ProgramError KEY_FILE: missing, world-readable, not PKCS #8, or of an algorithm that statements do not use
 */
export async function readStatementKey(path: string): Promise<StatementKey> {
  const pem = await readKeyFile(path)
  let key: SigningKey
  try {
    key = signingKeyFromPem(pem)
  } catch (error) {
    throw keyFile(path, 'cannot be read as a private key', error)
  }
  if (!Object.values(statementAlgorithms).includes(key.algorithm))
    throw keyFile(path, `holds a ${key.algorithm} key, which signs no statements`)
  return publicHalf(key)
}

/** A public key as trust files list it. @throws ProgramError KEY_FILE */
export async function readPublicPem(path: string): Promise<string> {
  const pem = await readFile(path, 'utf8').catch((error: Error) => {
    throw keyFile(path, `cannot be read: ${systemReason(error)}`, error)
  })
  try {
    return formatSpkiPem(parseSpkiPem(pem).key)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw keyFile(path, `is no public key: ${error.detail}`, error)
  }
}

function publicHalf(key: SigningKey): StatementKey {
  return { key, publicPem: formatSpkiPem(key), keyid: keyHint(nodeCrypto, key) }
}

function keyFile(path: string, what: string, cause?: unknown): ProgramError {
  return new ProgramError({
    code: 'KEY_FILE',
    detail: `${path} ${what}`,
    remedy: 'Name a key file that samebits-build keygen wrote.',
    cause,
  })
}
