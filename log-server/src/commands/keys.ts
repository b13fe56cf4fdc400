/**
 * The keys of a log, one PKCS #8 PEM for each algorithm: in a folder, readable by their owner alone; among the credentials that
 * systemd made for the process; or one after the other in an environment variable. They are never quoted. The first may be in a
 * token instead (`token-keys.ts`).
 */
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
import { exists } from '../data-dir.ts'
import { keysVariable } from '../options.ts'
import { type HeadSigner, headSigner, type LogKey } from '../signer.ts'
import { type CommandIo, credentialsFolder } from './io.ts'
import { type TokenOptions, tokenKey } from './token-keys.ts'

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

/** Makes the keys that are not there yet, and reads those that are: an interrupted run goes on. @throws ProgramError KEY_FILE */
export async function ensureKeys(keysDir: string): Promise<SigningKey[]> {
  await mkdir(keysDir, { recursive: true, mode: 0o700 })
  const keys: SigningKey[] = []
  for (const algorithm of algorithms) {
    const path = keyPath(keysDir, algorithm)
    if (!(await exists(path))) await writeKeyFile(path, signingKeyToPem(generateSigningKey(algorithm)))
    keys.push(await loadKey(path, algorithm, ''))
  }
  return keys
}

/**
 * Reads both keys, from the environment where it has them; with a token the second alone, where there is one.
 * @param tryPin log in to the token although it counts wrong PINs
 * @throws ProgramError KEY_FILE, CONFIG_INVALID
 */
export async function loadKeys(io: CommandIo, options: TokenOptions, tryPin = false): Promise<LogKey[]> {
  const { keysDir } = options
  const text = io.environment[keysVariable]
  if (options.pkcs11 !== '') return [await tokenKey(io, options, tryPin), ...(await secondKey(io, keysDir, text))]
  if (text !== undefined) return keysOf(text, algorithms)
  const keys: SigningKey[] = []
  for (const algorithm of algorithms) {
    keys.push(await loadKey(keyPath(keysDir, algorithm), algorithm, credentialsFolder(io)))
  }
  return keys
}

async function secondKey(io: CommandIo, keysDir: string, text: string | undefined): Promise<SigningKey[]> {
  if (text !== undefined) return keysOf(text, ['ml-dsa-44'])
  const path = keyPath(keysDir, 'ml-dsa-44')
  return (await exists(path)) ? [await loadKey(path, 'ml-dsa-44', credentialsFolder(io))] : []
}

async function loadKey(path: string, algorithm: KeyAlgorithm, credentials: string): Promise<SigningKey> {
  const key = readKey(await readKeyFile(path, credentials), path)
  if (key.algorithm === algorithm) return key
  throw keyFault(`${path} holds a key for ${key.algorithm}`)
}

/** The files that `loadKeys` reads, with their folder; none where it reads the environment, or what systemd guards. */
export function keyFiles(io: CommandIo, { keysDir, pkcs11PinFile }: TokenOptions): string[] {
  const pin = pkcs11PinFile === '' ? [] : [pkcs11PinFile]
  if (io.environment[keysVariable] !== undefined || keysDir === credentialsFolder(io)) return pin
  return [keysDir, ...algorithms.map((algorithm) => keyPath(keysDir, algorithm)), ...pin]
}

/** Exactly one key for each of these algorithms and nothing else, in any order. */
function keysOf(text: string, wanted: readonly (typeof algorithms)[number][]): SigningKey[] {
  const block = /-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\s*/g
  const pems = text.replaceAll('\r\n', '\n').trimStart()
  const found = (pems.match(block) ?? []).map((pem) => readKey(`${pem.trimEnd()}\n`, keysVariable))
  const keys = wanted.flatMap((one) => found.filter(({ algorithm }) => algorithm === one))
  const whole = pems.replaceAll(block, '') === '' && found.length === wanted.length
  if (whole && wanted.every((one, at) => keys[at]?.algorithm === one)) return keys
  throw new ProgramError({
    code: 'KEY_FILE',
    detail: `${keysVariable} does not hold ${wanted.length > 1 ? 'an Ed25519 and an ML-DSA-44 key' : 'the ML-DSA-44 key'} and nothing else`,
    remedy: `Give it ${wanted.map((one) => `${one}.pem`).join(' and ')} with all line breaks${wanted.length > 1 ? ', one after the other' : ''}.`,
  })
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
  return new ProgramError({ code: 'KEY_FILE', detail, remedy: 'Give the keys that samebits-log keygen wrote.' })
}

/** The signer of `origin`. @throws ProgramError ORIGIN_INVALID */
export function signerFor(origin: string, keys: readonly LogKey[]): HeadSigner {
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
