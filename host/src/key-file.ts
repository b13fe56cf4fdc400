/** Private keys on disk: one PEM a file, readable by its owner alone. */
import type { Stats } from 'node:fs'
import { constants, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createFileDurably } from './durable-file.ts'
import { ProgramError } from './program.ts'
import { systemReason } from './system-error.ts'

/** Far above any PKCS #8 key; anything larger is another kind of file. */
const keyFileCap = 16_384

/**
 * Reads a PEM private key and refuses a file that others than its owner may read or change.
 *
 * @param credentials as of {@link readPrivateFile}
 * @throws ProgramError KEY_FILE: missing, not a file, too open, too large, or not PEM. The content is never quoted.
 */
export async function readKeyFile(path: string, credentials = ''): Promise<string> {
  const remedy = 'Name a key file that keygen wrote.'
  const pem = (await readPrivateFile(path, { what: 'key', remedy, credentials })).replaceAll('\r\n', '\n')
  if (/^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n?$/.test(pem)) return pem
  throw refuse(`${path} holds no unencrypted PKCS #8 private key`, 'Name a key file that keygen wrote.')
}

/**
 * Reads a secret of one line, such as a password, without its newline, from a file that only its owner may read.
 *
 * @param credentials as of {@link readPrivateFile}
 * @throws ProgramError KEY_FILE, as {@link readKeyFile}; also where the file is empty or has more lines
 */
export async function readSecretFile(path: string, credentials = ''): Promise<string> {
  const remedy = 'Write the secret into a file of its own.'
  const secret = (await readPrivateFile(path, { what: 'secret', remedy, credentials })).replace(/\r?\n$/, '')
  if (secret !== '' && !/[\r\n]/.test(secret)) return secret
  throw refuse(`${path} does not hold one line`, 'Write the secret, and nothing else, into the file.')
}

function refuse(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'KEY_FILE', detail, remedy, exitCode: 64 })
}

export interface PrivateFile {
  /** What the file holds, in a word, for messages. */
  readonly what: string
  /** What to do where it cannot be read. */
  readonly remedy: string
  /** The folder of credentials that systemd made for this process (`$CREDENTIALS_DIRECTORY`); empty for none. */
  readonly credentials?: string
}

/**
 * Reads a small file that nobody but its owner may read or change.
 *
 * @throws ProgramError KEY_FILE: missing, not a file, too open, or too large. The content is never quoted.
 */
export async function readPrivateFile(path: string, { what, remedy, credentials = '' }: PrivateFile): Promise<string> {
  const handle = await open(path, constants.O_RDONLY).catch((error: Error) => {
    throw refuse(`cannot read the ${what} file ${path}: ${systemReason(error)}`, remedy)
  })
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) throw refuse(`${path} is not a file`, remedy)
    const isCredential = credentials !== '' && dirname(resolve(path)) === resolve(credentials)
    if (process.platform !== 'win32' && othersMay(stat, isCredential))
      throw refuse(
        `${path} is open to others than its owner (mode ${(stat.mode & 0o777).toString(8)})`,
        `Run: chmod 600 ${path}`,
      )
    if (stat.size > keyFileCap) throw refuse(`${path} is too large for a ${what}`, remedy)
    return await handle.readFile('latin1')
  } finally {
    await handle.close()
  }
}

/**
 * systemd lets the service's user read a credential of root by an access list, whose mask stat(2) shows as the bits of the
 * group: 0440 there is what 0400 is elsewhere.
 */
function othersMay({ mode, uid }: Stats, isCredential: boolean): boolean {
  return (mode & (isCredential && uid === 0 ? 0o037 : 0o077)) !== 0
}

/**
 * Writes a new PEM private key with mode 0600, durably.
 *
 * @throws ProgramError KEY_FILE where anything is there already: a key is never overwritten
 */
export async function writeKeyFile(path: string, pem: string): Promise<void> {
  await createFileDurably(path, pem, { mode: 0o600 }).catch((error: Error) => {
    throw new ProgramError({
      code: 'KEY_FILE',
      detail: `cannot create the key file ${path}: ${systemReason(error)}`,
      remedy: 'Choose a new name: keys are never overwritten.',
      exitCode: 64,
    })
  })
}
