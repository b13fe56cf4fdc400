/** The key files of a log: one folder, one PKCS #8 PEM for each algorithm, readable by their owner alone. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FormatError, type KeyAlgorithm, keyNameFault, MAX_NAME_BYTES, utf8 } from '@samebits/core'
import {
  generateSigningKey,
  nodeCrypto,
  type SigningKey,
  signingKeyFromPem,
  signingKeyToPem,
} from '@samebits/core/node'
import { ProgramError, readKeyFile, writeKeyFile } from '@samebits/host'
import { type HeadSigner, headSigner } from '../signer.ts'

/** In the order of their lines in a checkpoint (docs/formats.md §2). */
const algorithms = ['ed25519', 'ml-dsa-44'] as const satisfies readonly KeyAlgorithm[]

function keyPath(keysDir: string, algorithm: KeyAlgorithm): string {
  return join(keysDir, `${algorithm}.pem`)
}

/** Makes both keys. @throws ProgramError KEY_FILE where one is there already */
export async function createKeys(keysDir: string): Promise<SigningKey[]> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 })
  const keys: SigningKey[] = []
  for (const algorithm of algorithms) {
    const key = generateSigningKey(algorithm)
    await writeKeyFile(keyPath(keysDir, algorithm), signingKeyToPem(key))
    keys.push(key)
  }
  return keys
}

/** Reads both keys. @throws ProgramError KEY_FILE */
export async function loadKeys(keysDir: string): Promise<SigningKey[]> {
  const keys: SigningKey[] = []
  for (const algorithm of algorithms) {
    const path = keyPath(keysDir, algorithm)
    const key = readKey(await readKeyFile(path), path)
    if (key.algorithm !== algorithm) throw keyFault(`${path} holds a key for ${key.algorithm}`)
    keys.push(key)
  }
  return keys
}

function readKey(pem: string, path: string): SigningKey {
  try {
    return signingKeyFromPem(pem)
  } catch (error) {
    if (error instanceof FormatError) throw keyFault(`${path}: ${error.detail}`)
    throw error
  }
}

function keyFault(detail: string): ProgramError {
  return new ProgramError({ code: 'KEY_FILE', detail, remedy: 'Name the folder that samebits-log keygen wrote.' })
}

/** The signer of `origin`. @throws ProgramError ORIGIN_INVALID */
export function signerFor(origin: string, keys: readonly SigningKey[]): HeadSigner {
  demandOrigin(origin)
  return headSigner(nodeCrypto, origin, keys)
}

/** An origin is the name of the log's keys, so it must be able to be one. @throws ProgramError ORIGIN_INVALID */
export function demandOrigin(origin: string): void {
  const long = utf8(origin).length > MAX_NAME_BYTES
  const fault = keyNameFault(origin) ?? (long ? `the origin exceeds ${MAX_NAME_BYTES} bytes` : null)
  if (fault === null) return
  throw new ProgramError({
    code: 'ORIGIN_INVALID',
    detail: fault,
    remedy: 'An origin looks like example.com/log: a URL without its scheme.',
  })
}
