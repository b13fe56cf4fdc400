/** Artifacts on disk: what they are called, how long they are, what they hash to. */
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isCode, ProgramError, syncDirectory, systemReason } from '@samebits/host'

/** A file as it was when it was hashed. */
export interface Measured {
  /** The last segment of its path: the artifact's name in the statement. */
  readonly name: string
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** 64 lower-case hex digits. */
  readonly sha256: string
}

const chunkBytes = 1 << 20

/**
 * Hashes the file at `path` in one pass, at most 1 MiB of it in memory.
 *
 * @throws ProgramError ARTIFACT: missing, not a file, or changing while it was read
 */
export async function measure(path: string, signal: AbortSignal): Promise<Measured> {
  const handle = await openArtifact(path)
  try {
    const hash = createHash('sha256')
    let size = 0
    for await (const chunk of chunks(handle, signal)) {
      hash.update(chunk)
      size += chunk.length
    }
    if ((await handle.stat()).size !== size)
      throw refuse(`${path} changed while it was read`, 'Run again when it is complete.')
    return { name: basename(path), path, size, sha256: hash.digest('hex') }
  } finally {
    await handle.close()
  }
}

/**
 * Copies an artifact durably to `target` and leaves nothing there unless the copy has the stated length and digest.
 *
 * @throws ProgramError ARTIFACT_CHANGED where the file is no longer the one that was signed
 */
export async function copyMeasured(artifact: Measured, target: string, signal: AbortSignal): Promise<void> {
  const source = await openArtifact(artifact.path)
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`)
  let copied = false
  try {
    const copy = await open(temporary, 'wx', 0o644)
    try {
      await copyChecked(source, copy, artifact, signal)
      await copy.sync()
    } finally {
      await copy.close()
    }
    await rename(temporary, target)
    copied = true
  } finally {
    await source.close()
    if (!copied) await discard(temporary)
  }
  await syncDirectory(dirname(target))
}

async function copyChecked(source: FileHandle, copy: FileHandle, artifact: Measured, signal: AbortSignal) {
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of chunks(source, signal)) {
    hash.update(chunk)
    size += chunk.length
    await copy.writeFile(chunk)
  }
  if (size !== artifact.size || hash.digest('hex') !== artifact.sha256) throw changed(artifact)
}

/** The refusal for a file that is not the one its statement was made for. */
function changed(artifact: Measured): ProgramError {
  return new ProgramError({
    code: 'ARTIFACT_CHANGED',
    detail: `${artifact.path} is not the file that was signed (SHA-256 ${artifact.sha256}, ${artifact.size} bytes)`,
    remedy: 'Put that file back, or give the new one a version of its own.',
    exitCode: 10,
  })
}

async function* chunks(handle: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  for (;;) {
    signal.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}

async function openArtifact(path: string): Promise<FileHandle> {
  const handle = await open(path, 'r').catch((error: Error) => {
    throw refuse(`cannot read the artifact ${path}: ${systemReason(error)}`, 'Name a file that is there.')
  })
  if ((await handle.stat()).isFile()) return handle
  await handle.close()
  throw refuse(`${path} is not a file`, 'Pack folders into one file first.')
}

function refuse(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'ARTIFACT', detail, remedy })
}

async function discard(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isCode(error, 'ENOENT')) throw error
  })
}
