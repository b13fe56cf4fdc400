/**
 * The keys of a witness: one folder, one PKCS #8 PEM for each algorithm, the name that all of them sign under, and, once they
 * have been used, the id of the state that they sign for.
 */
import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type KeyAlgorithm, keyNameFault, MAX_NAME_BYTES, utf8 } from '@samebits/core'
import { generateSigningKey, nodeCrypto, signingKeyFromPem, signingKeyToPem } from '@samebits/core/node'
import { createFileDurably, isCode, ProgramError, readKeyFile, writeKeyFile } from '@samebits/host'
import { type Cosigner, poolCosigner } from './cosigner.ts'

/** ML-DSA-44 first: C2SP tlog-witness asks for it; Ed25519 for clients that know no other. */
const algorithms = ['ml-dsa-44', 'ed25519'] as const satisfies readonly KeyAlgorithm[]
const nameFile = 'name'
const stateFile = 'state'

function demandName(name: string): void {
  const fault =
    keyNameFault(name) ?? (utf8(name).length > MAX_NAME_BYTES ? `the name exceeds ${MAX_NAME_BYTES} bytes` : null)
  if (fault === null) return
  const remedy = 'A name looks like witness.example.com/w1: a URL without its scheme.'
  throw new ProgramError({ code: 'NAME_INVALID', detail: fault, remedy })
}

/** Makes the keys of a new witness. @throws ProgramError NAME_INVALID, KEY_FILE where one is there already */
export async function createWitnessKeys(folder: string, name: string): Promise<readonly Cosigner[]> {
  demandName(name)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const signers: Cosigner[] = []
  for (const algorithm of algorithms) {
    const key = generateSigningKey(algorithm)
    await writeKeyFile(join(folder, `${algorithm}.pem`), signingKeyToPem(key))
    signers.push(poolCosigner(nodeCrypto, name, key))
  }
  await createFileDurably(join(folder, nameFile), `${name}\n`)
  return signers
}

/** The name and a newline, nothing else. */
async function readName(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  const name = text.slice(0, -1)
  if (text !== `${name}\n`) {
    const remedy = 'Name the folder that samebits-monitor keygen wrote.'
    throw new ProgramError({ code: 'KEY_FILE', detail: `${path} is not one line`, remedy })
  }
  demandName(name)
  return name
}

/** @throws ProgramError KEY_FILE, NAME_INVALID */
export async function loadWitnessKeys(folder: string): Promise<readonly Cosigner[]> {
  const name = await readName(join(folder, nameFile))
  const signers: Cosigner[] = []
  for (const algorithm of algorithms) {
    const path = join(folder, `${algorithm}.pem`)
    const key = signingKeyFromPem(await readKeyFile(path))
    if (key.algorithm !== algorithm) {
      const remedy = 'Name the folder that samebits-monitor keygen wrote.'
      throw new ProgramError({ code: 'KEY_FILE', detail: `${path} holds a key for ${key.algorithm}`, remedy })
    }
    signers.push(poolCosigner(nodeCrypto, name, key))
  }
  return signers
}

/**
 * Ties the keys to a state for good: with another data folder, or none of what was cosigned in it, they would cosign a second
 * history. False where the folder cannot be written and nothing is said in it.
 * @throws ProgramError STATE_MISMATCH
 */
export async function claimWitnessKeys(folder: string, stateId: string): Promise<boolean> {
  const path = join(folder, stateFile)
  try {
    await createFileDurably(path, `${stateId}\n`)
    return true
  } catch (error) {
    if (isCode(error, 'EROFS', 'EACCES', 'EPERM') && !existsSync(path)) return false
    if (!isCode(error, 'EEXIST', 'EROFS', 'EACCES', 'EPERM')) throw error
  }
  if ((await readFile(path, 'utf8')) === `${stateId}\n`) return true
  throw new ProgramError({
    code: 'STATE_MISMATCH',
    detail: `the keys in ${folder} have cosigned for another state than the one in the data folder`,
    remedy: 'Name the data folder that they belong to; where it is lost, retire the keys and make new ones.',
  })
}
