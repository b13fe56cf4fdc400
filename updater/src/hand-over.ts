/**
 * Verified files for an application that installs by itself: open handles, whose bytes were hashed through these handles.
 *
 * A path can lead to another file by the time that it is opened; a handle cannot. The release is judged again first, with
 * today's state and clock, as before an installation (docs/decision.md step 25).
 */
import { constants } from 'node:fs'
import { type FileHandle, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Accepted, applied, type Notice, type SignedFile } from '@samebits/core'
import { approve } from './apply-staged.ts'
import { beginRun } from './begin-run.ts'
import { IoFailure } from './failure.ts'
import { hashHandle } from './file-hash.ts'
import type { UpdaterOptions } from './options.ts'
import { openPlainFile } from './paths.ts'
import type { ApplyResult } from './results.ts'
import type { StateStore } from './state-store.ts'
import { assertUnchanged, type OpenFile } from './swap-files.ts'

/** A file as it was signed, open for reading. */
export interface VerifiedFile extends SignedFile {
  readonly handle: FileHandle
  /** Where it lies: for what cannot read a handle. */
  readonly path: string
  /** @throws IoFailure INSTALL_FAILED where the file was written to since it was hashed: ask after the last read */
  assertUnchanged(): Promise<void>
}

export interface HandedOver extends AsyncDisposable {
  readonly kind: 'handed-over'
  readonly release: Accepted
  /** The artifact first, then its parts. */
  readonly files: readonly [VerifiedFile, ...VerifiedFile[]]
  readonly notices: readonly Notice[]
  /** Tells that the release runs now: the client steps back behind it no more, and forgets the files. */
  done(): Promise<void>
}

export type HandOverResult = HandedOver | Exclude<ApplyResult, { readonly kind: 'installed' }>

/** @throws IoFailure DIGEST_MISMATCH, PATH_REFUSED, INSTALL_FAILED; the signal's reason */
export async function handOver(
  options: UpdaterOptions,
  store: StateStore,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<HandOverResult> {
  const begun = await beginRun(options, store, 'apply')
  if (begun.kind === 'stopped') return begun
  const approved = await approve(begun, signal)
  if (approved.kind !== 'approved') return approved
  const { release, state, notices } = approved
  const [first, ...rest] = await openAll(release, directory, signal)
  if (first === undefined) throw new Error('a release without files was accepted')
  const files = [first, ...rest] as const
  return {
    ...{ kind: 'handed-over', release, files: [first, ...rest], notices },
    async done() {
      await begun.keeper.keep(applied(state, release, null).state)
      await closeAll(files)
      for (const { path } of files) await rm(path, { force: true })
    },
    [Symbol.asyncDispose]: () => closeAll(files),
  }
}

async function openAll(release: Accepted, directory: string, signal: AbortSignal | undefined): Promise<VerifiedFile[]> {
  const files: VerifiedFile[] = []
  try {
    for (const file of release.files) files.push(await openVerified(file, join(directory, file.sha256), signal))
    return files
  } catch (error) {
    await closeAll(files)
    throw error
  }
}

async function openVerified(file: SignedFile, path: string, signal: AbortSignal | undefined): Promise<VerifiedFile> {
  const handle = await openPlainFile(path, constants.O_RDONLY)
  try {
    const open: OpenFile = { handle, hashed: await handle.stat({ bigint: true }) }
    const seen = await hashHandle(handle, signal)
    if (seen.sha256 !== file.sha256 || seen.size !== file.size)
      throw new IoFailure('DIGEST_MISMATCH', `the staged ${file.name} has SHA-256 ${seen.sha256}, not ${file.sha256}`)
    await assertUnchanged(open, file.name)
    return { ...file, handle, path, assertUnchanged: () => assertUnchanged(open, file.name) }
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Safe to repeat: a closed handle has no number. */
async function closeAll(files: readonly VerifiedFile[]): Promise<void> {
  for (const { handle } of files) if (handle.fd >= 0) await handle.close()
}
