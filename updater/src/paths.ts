/**
 * Where the updater may write: names without structure, folders that nobody else can redirect.
 *
 * Everything here refuses with PATH_REFUSED. The checks hold for folders whose owners are honest; a folder that others
 * may write to is refused, because no check can hold there.
 */
import { constants, type Stats } from 'node:fs'
import { chmod, type FileHandle, lstat, mkdir, open, realpath } from 'node:fs/promises'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { isCode } from '@samebits/host'
import { IoFailure, reasonOf } from './failure.ts'

/** Who runs this program; both absent where the system has no such numbers. */
export interface Identity {
  readonly uid: number | undefined
}

/** formats.md: artifact names are one path segment of plain characters. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/
/** Names that Windows opens as devices, whatever their extension. */
const deviceName = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i
/** What the updater itself keeps in an install folder. */
const reserved: ReadonlySet<string> = new Set(['installed.json'])

/** What the updater keeps for itself in an install folder. */
export const workspaceName = '.samebits'

/** The path of an artifact in the install folder. @throws IoFailure PATH_REFUSED */
export function artifactPath(folder: string, name: string): string {
  if (!plainName.test(name) || name.endsWith('.') || deviceName.test(name))
    throw new IoFailure('PATH_REFUSED', `${JSON.stringify(name)} is not a plain file name`)
  if (reserved.has(name.toLowerCase()))
    throw new IoFailure('PATH_REFUSED', `${name} is a name that the updater uses itself`)
  return join(folder, name)
}

/** A folder that was checked once, and can be checked to be still the same one. */
export interface Folder {
  /** Absolute, without links. */
  readonly path: string
  /** @throws IoFailure PATH_REFUSED where another folder, or a link, has taken the place since */
  assertSame(): Promise<void>
}

/** A folder of ours alone; one that was opened wider is narrowed. */
export const privateMode: number = 0o700

/**
 * Opens a folder for writing, creating it (and `create` parents) where it is missing.
 *
 * No component may be writable by everyone (unless sticky) or belong to somebody other than this user or root.
 * @throws IoFailure PATH_REFUSED
 */
export async function openFolder(path: string, identity: Identity, mode: number = 0o755): Promise<Folder> {
  if (path.includes('\0')) throw new IoFailure('PATH_REFUSED', 'a path with a NUL character')
  const absolute = isAbsolute(path) ? path : resolve(path)
  await refuseLink(absolute)
  await mkdir(absolute, { recursive: true, mode }).catch((error: unknown) => {
    throw new IoFailure('PATH_REFUSED', `cannot create ${absolute}: ${reasonOf(error)}`, { cause: error })
  })
  const real = await realpath(absolute)
  for (let part = real; ; part = dirname(part)) {
    checkOwner(part, await lstat(part), identity)
    if (part === dirname(part)) break
  }
  if (mode === privateMode) await chmod(real, privateMode)
  const first = await lstat(real)
  return {
    path: real,
    async assertSame() {
      const now = await lstat(real).catch(() => undefined)
      if (now === undefined || !now.isDirectory() || now.dev !== first.dev || now.ino !== first.ino)
        throw new IoFailure('PATH_REFUSED', `${real} was replaced while it was in use`)
    },
  }
}

async function refuseLink(path: string): Promise<void> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return undefined
    throw new IoFailure('PATH_REFUSED', `cannot use ${path}: ${reasonOf(error)}`, { cause: error })
  })
  if (stat?.isSymbolicLink()) throw new IoFailure('PATH_REFUSED', `${path} is a symbolic link`)
  if (stat !== undefined && !stat.isDirectory()) throw new IoFailure('PATH_REFUSED', `${path} is not a folder`)
}

function checkOwner(path: string, stat: Stats, { uid }: Identity): void {
  if (!stat.isDirectory()) throw new IoFailure('PATH_REFUSED', `${path} is not a folder`)
  if (uid === undefined) return
  if (stat.uid !== uid && stat.uid !== 0)
    throw new IoFailure('PATH_REFUSED', `${path} belongs to another user (uid ${stat.uid})`)
  if ((stat.mode & 0o002) !== 0 && (stat.mode & 0o1000) === 0)
    throw new IoFailure('PATH_REFUSED', `${path} can be written by every user`)
}

/** `O_NOFOLLOW` where the system has it; elsewhere the `lstat` in `openPlainFile` must do. */
const noFollow = constants.O_NOFOLLOW ?? 0

/**
 * Opens a regular file that has one name and is no link.
 *
 * @param flags of `node:fs` constants, as `O_RDWR | O_CREAT`
 * @throws IoFailure PATH_REFUSED for anything else that is there; the system's error (ENOENT, ENOSPC …) otherwise
 */
export async function openPlainFile(path: string, flags: number, mode = 0o600): Promise<FileHandle> {
  const handle = await open(path, flags | noFollow, mode).catch((error: unknown) => {
    if (isCode(error, 'ELOOP', 'EISDIR', 'EMLINK'))
      throw new IoFailure('PATH_REFUSED', `${path} is not a plain file`, { cause: error })
    throw error
  })
  try {
    const opened = await handle.stat()
    const named = await lstat(path)
    if (!opened.isFile() || named.isSymbolicLink() || named.ino !== opened.ino || named.dev !== opened.dev)
      throw new IoFailure('PATH_REFUSED', `${path} is not a plain file`)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}
