/** The pool: a folder with the .deb files of a lock, each believed by its SHA-256 alone. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { exitCodes, isCode, ProgramError, systemReason } from '@samebits/host'
import type { Machine } from '../machine.ts'
import type { LockedPackage } from './image-files.ts'

export interface PoolRequest {
  readonly folder: string
  readonly packages: readonly LockedPackage[]
  /** null: nothing may be fetched. */
  readonly fetch: Machine['fetch'] | null
  /** After each package. */
  readonly onProgress: (done: number, total: number) => void
}

/** How many packages are fetched side by side. */
const together = 8

/**
 * Makes every package of the list be in the folder. Files of other digests are put aside, never used.
 *
 * @throws ProgramError PACKAGE_MISSING, PACKAGE_MISMATCH
 */
export async function fillPool(
  { folder, packages, fetch, onProgress }: PoolRequest,
  signal: AbortSignal,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const waiting = [...packages]
  let done = 0
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal.throwIfAborted()
      if ((await digestOf(join(folder, next.file))) !== next.sha256) await obtain(folder, next, fetch, signal)
      onProgress(++done, packages.length)
    }
  }
  await Promise.all(Array.from({ length: together }, work))
}

async function obtain(
  folder: string,
  wanted: LockedPackage,
  fetch: Machine['fetch'] | null,
  signal: AbortSignal,
): Promise<void> {
  if (fetch === null)
    throw missing(
      wanted,
      `the pool ${folder} does not hold it, and nothing may be fetched`,
      'Bring the pool that belongs to the lock.',
    )
  const response = await fetch(wanted.url, { signal: AbortSignal.any([signal, AbortSignal.timeout(300_000)]) }).catch(
    (error: Error) => {
      signal.throwIfAborted()
      throw missing(wanted, systemReason(error), 'Run again when the mirror answers.')
    },
  )
  if (!response.ok || response.body === null)
    throw missing(
      wanted,
      `${wanted.url} answered ${response.status}`,
      'Mirrors drop old versions: bring the pool, or make a new lock with --update.',
    )
  const temporary = join(folder, `.${wanted.file}.${process.pid}.tmp`)
  try {
    const sha256 = await receive(response.body, temporary, wanted.size)
    if (sha256 !== wanted.sha256)
      throw new ProgramError({
        code: 'PACKAGE_MISMATCH',
        detail: `${wanted.url} gave a file with SHA-256 ${sha256}, the lock says ${wanted.sha256}`,
        remedy: 'Use another mirror, or the pool that belongs to the lock.',
        exitCode: 10,
      })
    await rename(temporary, join(folder, wanted.file))
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Writes the body, at most `size` bytes of it, and hashes what was written. */
async function receive(body: AsyncIterable<Uint8Array>, path: string, size: number): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, 'wx', 0o644)
  try {
    let got = 0
    for await (const chunk of body) {
      got += chunk.length
      if (got > size) break
      hash.update(chunk)
      await file.writeFile(chunk)
    }
    return got > size ? 'more bytes than the lock says' : hash.digest('hex')
  } finally {
    await file.close()
  }
}

async function digestOf(path: string): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk)
    return hash.digest('hex')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null
    throw error
  }
}

function missing({ file }: LockedPackage, why: string, remedy: string): ProgramError {
  return new ProgramError({
    code: 'PACKAGE_MISSING',
    detail: `${file} is missing: ${why}`,
    remedy,
    exitCode: exitCodes.io,
  })
}
