/** The files of a product's workspace that publishing reads: trust file, key, anchor. */
import { access, readFile } from 'node:fs/promises'
import { type Anchor, FormatError, parseAnchor, parseTrust, type Trust, TrustError } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { isCode, ProgramError, systemReason } from '@samebits/host'
import type { Workspace } from './recipe.ts'

/** @throws ProgramError TRUST_INVALID */
export async function readTrust({ recipe, at }: Workspace): Promise<Trust> {
  return readTrustFile(at(recipe.publish.trust), recipe.product)
}

/** Reads the trust file of one product. @throws ProgramError TRUST_INVALID */
export async function readTrustFile(path: string, product: string): Promise<Trust> {
  const refuse = (why: string, cause?: unknown) =>
    new ProgramError({
      code: 'TRUST_INVALID',
      detail: `the trust file ${path} cannot be used: ${why}`,
      remedy: 'Correct it; docs/formats.md §2 names every rule.',
      exitCode: 10,
      cause,
    })
  const bytes = await readFile(path).catch((error: Error) => {
    throw refuse(systemReason(error), error)
  })
  let trust: Trust
  try {
    trust = parseTrust(nodeCrypto, Uint8Array.from(bytes))
  } catch (error) {
    if (error instanceof TrustError) throw refuse(error.detail, error)
    throw error
  }
  if (trust.product !== product) throw refuse(`it is for ${trust.product}, not for ${product}`)
  return trust
}

/** The same, or null where there is no such file. */
export async function readTrustIfThere(path: string, product: string): Promise<Trust | null> {
  const there = await access(path).then(
    () => true,
    (error: unknown) => !isCode(error, 'ENOENT'),
  )
  return there ? readTrustFile(path, product) : null
}

/** The anchor that was made last; null where there is none. @throws ProgramError ANCHOR_INVALID */
export async function readAnchor({ recipe, at }: Workspace): Promise<Anchor | null> {
  const path = at(recipe.publish.anchor)
  const bytes = await readFile(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
  if (bytes === null) return null
  try {
    return parseAnchor(Uint8Array.from(bytes))
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new ProgramError({
      code: 'ANCHOR_INVALID',
      detail: `${path} is no anchor: ${error.detail}`,
      remedy: 'Restore it from version control: it says which tree of the log was shipped.',
      exitCode: 10,
      cause: error,
    })
  }
}
