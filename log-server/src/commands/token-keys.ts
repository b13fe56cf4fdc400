/**
 * The Ed25519 key of a log in a PKCS#11 token. Beside it in the folder of keys lie its public half (`ed25519.pub.pem`), by which the
 * token is held to its word and the log serves reads while the token is away, and the ML-DSA-44 key, which no common token holds yet;
 * without that file the log signs with Ed25519 alone.
 */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FormatError, formatSpkiDer, fromBase64, parseSpkiDer, toBase64 } from '@samebits/core'
import { generateSigningKey, type SigningKey, signingKeyToPem } from '@samebits/core/node'
import { createFileDurably, isCode, ProgramError, readSecretFile, writeKeyFile } from '@samebits/host'
import { exists } from '../data-dir.ts'
import { keysVariable, type LogServerOptions, pinVariable } from '../options.ts'
import { KeyRefusedError, KeyUnavailableError, type LogKey } from '../signer.ts'
import { openToken, type TokenAccess, TokenKey } from '../token/token-key.ts'
import { parseTokenUri, type TokenUri } from '../token/uri.ts'
import { type CommandIo, credentialsFolder } from './io.ts'

export type TokenOptions = Pick<LogServerOptions, 'keysDir' | 'pkcs11' | 'pkcs11PinFile' | 'pkcs11TimeoutMs'>

const publicPath = (keysDir: string) => join(keysDir, 'ed25519.pub.pem')

/**
 * The key in the token, not opened yet.
 * @param tryPin as in {@link TokenAccess}
 * @throws ProgramError CONFIG_INVALID, KEY_FILE
 */
export async function tokenKey(io: CommandIo, options: TokenOptions, tryPin: boolean): Promise<LogKey> {
  const access = await accessOf(io, options, tryPin)
  return new TokenKey(access, await readPublic(publicPath(options.keysDir)))
}

export interface TokenKeygen {
  /** The key is in the token already: its public half is written down. */
  readonly existing: boolean
  /** No second key: for witnesses and clients that know Ed25519 alone. */
  readonly ed25519Only: boolean
}

/** Makes the keys, that in the token first. @throws ProgramError KEY_FILE, KEY_REFUSED, KEY_UNAVAILABLE */
export async function createTokenKeys(
  io: CommandIo,
  options: TokenOptions,
  { existing, ed25519Only }: TokenKeygen,
): Promise<LogKey[]> {
  const { keysDir } = options
  await mkdir(keysDir, { recursive: true, mode: 0o700 })
  const [path, second] = [publicPath(keysDir), join(keysDir, 'ml-dsa-44.pem')]
  for (const file of ed25519Only ? [path] : [path, second])
    if (await exists(file))
      throw keyFault(`${file} is there already`, 'Choose a new folder: keys are never overwritten.')
  const access = await accessOf(io, options, true)
  const { holder, publicKey } = await openToken(access, existing ? 'open' : 'generate').catch(asProgramError)
  holder.end()
  await createFileDurably(path, pemOf(publicKey))
  const key = new TokenKey(access, publicKey)
  return ed25519Only ? [key] : [key, await newKey(second)]
}

async function newKey(path: string): Promise<SigningKey> {
  const key = generateSigningKey('ml-dsa-44')
  await writeKeyFile(path, signingKeyToPem(key))
  return key
}

async function accessOf(
  io: CommandIo,
  { pkcs11, pkcs11PinFile, pkcs11TimeoutMs: timeoutMs }: TokenOptions,
  tryPin: boolean,
): Promise<TokenAccess> {
  return { uri: uriOf(pkcs11), pin: await pinOf(io, pkcs11PinFile), tryPin, timeoutMs, environment: withoutSecrets(io) }
}

function uriOf(text: string): TokenUri {
  try {
    return parseTokenUri(text)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    const remedy = 'Write it as pkcs11:token=LABEL;object=NAME?module-path=/path/of/the/module.so'
    throw new ProgramError({ code: 'CONFIG_INVALID', detail: `--pkcs11: ${cause.detail}`, remedy, cause })
  }
}

async function pinOf(io: CommandIo, file: string): Promise<string> {
  const pin = io.environment[pinVariable]
  if (pin !== undefined && pin !== '') return pin
  if (file !== '') return readSecretFile(file, credentialsFolder(io))
  throw new ProgramError({
    code: 'CONFIG_INVALID',
    detail: 'a token, and no PIN',
    remedy: `Name a file that holds it with --pkcs11-pin-file, or set ${pinVariable}.`,
  })
}

/** The module of the token runs with the environment of this process, but for what is secret in it. */
function withoutSecrets({ environment }: CommandIo): Record<string, string | undefined> {
  const secrets = new Set([keysVariable, pinVariable, 'PGPASSWORD', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secrets.has(name)))
}

async function readPublic(path: string): Promise<Uint8Array> {
  const remedy = 'Run samebits-log keygen with --pkcs11, and --existing where the key is in the token already.'
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) throw keyFault(`${path} is missing: the public half of the key in the token`, remedy)
    throw error
  })
  const [, base64 = ''] = /^-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]+)\n-----END PUBLIC KEY-----\n$/.exec(text) ?? []
  try {
    const key = parseSpkiDer(fromBase64(base64))
    if (key.algorithm === 'ed25519') return key.publicKey
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  throw keyFault(`${path} holds no Ed25519 public key`, remedy)
}

function pemOf(publicKey: Uint8Array): string {
  const der = formatSpkiDer({ algorithm: 'ed25519', publicKey })
  return `-----BEGIN PUBLIC KEY-----\n${toBase64(der)}\n-----END PUBLIC KEY-----\n`
}

function keyFault(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'KEY_FILE', detail, remedy })
}

/** EX_CONFIG of sysexits.h: a service manager must not try again (`RestartPreventExitStatus=78`). */
const configuration = 78

/** What a token said, with what to do. */
export function asProgramError(error: unknown): never {
  if (error instanceof KeyRefusedError)
    throw new ProgramError({
      code: error.code,
      detail: error.message,
      remedy:
        'It is not tried again by itself. See that PIN, token and key are right; samebits-log doctor --try-pin logs in once where the token counts a wrong PIN.',
      exitCode: configuration,
      cause: error,
    })
  if (error instanceof KeyUnavailableError)
    throw new ProgramError({
      code: error.code,
      detail: error.message,
      remedy: 'See that the token is there, and try again.',
      exitCode: 1,
      cause: error,
    })
  throw error
}
