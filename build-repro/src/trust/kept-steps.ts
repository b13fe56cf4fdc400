/**
 * What publishers keep of every trust step, under version control: later bundles carry the views that clients of older
 * versions need, and no log can make those again once its witnesses or its keys are others (docs/formats.md §2).
 *
 *     trust-steps/1.json                 the trust file of version 1, exact bytes, once version 2 took its place
 *     trust-steps/2.samebits.json        an update bundle: views that the policy of version 1 accepts and that hold the
 *                                        statement of version 2, and the body of version 2
 *     trust-steps/2.before.samebits.json where version 2 names another log: the last view of the log before it
 */
import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import {
  FileError,
  formatUpdateBundle,
  parseTrust,
  parseUpdateBundle,
  type Trust,
  TrustError,
  toHex,
  type UpdateBundle,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { isCode, ProgramError, writeFileDurably } from '@samebits/host'
import type { Workspace } from '../recipe.ts'

const folder = 'trust-steps'

/** The bundle of the step to `version`; null where none is kept. @throws ProgramError STEP_INVALID */
export function readStep(workspace: Workspace, version: number): Promise<UpdateBundle | null> {
  return readBundle(workspace.at(`${folder}/${version}.samebits.json`))
}

/** The last view of the log that `version` replaces; null where none is kept. */
export function readBefore(workspace: Workspace, version: number): Promise<UpdateBundle | null> {
  return readBundle(workspace.at(`${folder}/${version}.before.samebits.json`))
}

export function keepStep(workspace: Workspace, version: number, bundle: UpdateBundle): Promise<void> {
  return keep(workspace.at(`${folder}/${version}.samebits.json`), formatUpdateBundle(bundle))
}

export function keepBefore(workspace: Workspace, version: number, bundle: UpdateBundle): Promise<void> {
  return keep(workspace.at(`${folder}/${version}.before.samebits.json`), formatUpdateBundle(bundle))
}

/** Keeps a trust file that another one takes the place of. */
export function keepTrust(workspace: Workspace, trust: Trust): Promise<void> {
  return keep(workspace.at(`${folder}/${trust.version}.json`), trust.bytes)
}

/** A trust file of before: kept as a file, or as the body of its step. Null where neither is here. */
export async function readTrustBefore(workspace: Workspace, version: number): Promise<Trust | null> {
  const path = workspace.at(`${folder}/${version}.json`)
  const bytes = (await readIfThere(path)) ?? (await readStep(workspace, version))?.trust[0] ?? null
  if (bytes === null) return null
  try {
    return parseTrust(nodeCrypto, bytes)
  } catch (error) {
    if (error instanceof TrustError) throw invalid(path, error.detail, error)
    throw error
  }
}

/** Whether the step to exactly this trust file is kept here. */
export async function holdsStep(workspace: Workspace, { version, sha256 }: Trust): Promise<boolean> {
  const step = await readStep(workspace, version)
  return step?.trust.some((body) => toHex(nodeCrypto.sha256(body)) === sha256) ?? false
}

async function keep(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFileDurably(path, bytes)
}

async function readBundle(path: string): Promise<UpdateBundle | null> {
  const bytes = await readIfThere(path)
  if (bytes === null) return null
  try {
    return parseUpdateBundle(bytes)
  } catch (error) {
    if (error instanceof FileError) throw invalid(path, error.detail, error)
    throw error
  }
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  return readFile(path).then(
    (bytes) => Uint8Array.from(bytes),
    (error: unknown) => {
      if (isCode(error, 'ENOENT')) return null
      throw error
    },
  )
}

function invalid(path: string, why: string, cause: unknown): ProgramError {
  return new ProgramError({
    code: 'STEP_INVALID',
    detail: `${path} is not what was kept there: ${why}`,
    remedy: 'Restore it from version control: clients of older trust versions need it.',
    exitCode: 10,
    cause,
  })
}
