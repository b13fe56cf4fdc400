/**
 * Stands in for electron-updater's `DownloadedUpdateHelper`: where the file lies that it will install. Its own remembers
 * downloads in the user's cache folder and believes what it finds there; this one is in a private folder, is empty when the
 * program begins, and is never believed: the gate hashes the files again at the moment at which they are run.
 */
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What electron-updater reads of `UpdateFileInfo`. */
interface FileInfo {
  readonly info: { readonly sha512?: string; readonly isAdminRightsRequired?: boolean }
}

export class PendingUpdate {
  /** electron-updater's names: it reads these. */
  readonly cacheDir: string
  readonly cacheDirForPendingUpdate: string
  file: string | null = null
  packageFile: string | null = null
  downloadedFileInfo: {
    readonly fileName: string
    readonly sha512: string
    readonly isAdminRightsRequired: boolean
  } | null = null

  /** @param folder private to this user */
  constructor(folder: string) {
    this.cacheDir = folder
    this.cacheDirForPendingUpdate = join(folder, 'pending')
  }

  /** Nothing is taken for downloaded: asking again fetches from the gate again, which costs a link. */
  async validateDownloadedPath(): Promise<null> {
    await this.clear()
    await mkdir(this.cacheDirForPendingUpdate, { recursive: true, mode: 0o700 })
    return null
  }

  async setDownloadedFile(
    file: string,
    packageFile: string | null,
    _version: unknown,
    { info }: FileInfo,
    fileName: string,
  ): Promise<void> {
    this.file = file
    this.packageFile = packageFile
    const { sha512 = '', isAdminRightsRequired = false } = info
    this.downloadedFileInfo = { fileName, sha512, isAdminRightsRequired }
  }

  async clear(): Promise<void> {
    this.file = null
    this.packageFile = null
    this.downloadedFileInfo = null
    await rm(this.cacheDirForPendingUpdate, { recursive: true, force: true })
  }

  /** Whether a path is one that electron-updater was given to download to. */
  holds(path: string): boolean {
    return dirname(path) === this.cacheDirForPendingUpdate
  }
}
