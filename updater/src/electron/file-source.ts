/**
 * Stands in for electron-updater's HTTP executor and for its provider: it asks here what there is, and fetches here what it
 * was told. There is no other way to bytes: a feed that the application sets, a `latest.yml`, a block map, a redirect all
 * end at these two, and they know nothing but what was accepted.
 */
import type { Accepted } from '@samebits/core'

/** What electron-updater passes to `download`: builder-util-runtime's DownloadOptions. */
export interface FetchOptions {
  readonly cancellationToken: CancellationToken
  readonly onProgress?: (progress: FetchProgress) => void
}

/** builder-util-runtime's CancellationToken: rejects with its own error, by which electron-updater tells an abort. */
export interface CancellationToken {
  createPromise<T>(
    start: (
      resolve: (value: T) => void,
      reject: (error: Error) => void,
      onCancel: (handler: () => void) => void,
    ) => void,
  ): Promise<T>
}

/** builder-util-runtime's ProgressInfo. */
export interface FetchProgress {
  readonly total: number
  readonly delta: number
  readonly transferred: number
  readonly percent: number
  readonly bytesPerSecond: number
}

/** The gate as electron-updater's parts see it. */
export interface Source {
  /** Asks samebits. @returns what was accepted, or null where nothing is newer. @throws RefusedUpdate */
  newest(): Promise<Accepted | null>
  /** Puts a file of a release that was accepted at `path`. @throws RefusedUpdate */
  place(wanted: ReleaseFile, path: string, watch: Watch): Promise<void>
}

export interface Watch {
  readonly signal: AbortSignal
  readonly onProgress: ((received: number, total: number) => void) | undefined
}

export interface ReleaseFile {
  readonly id: string
  readonly name: string
}

const scheme = 'samebits:'

function releaseUrl({ id, name }: ReleaseFile): URL {
  return new URL(`${scheme}//${id}/${encodeURIComponent(name)}`)
}

/** @throws Error for every address that is not one of a release */
function parseReleaseUrl(url: URL): ReleaseFile {
  const name = decodeURIComponent(url.pathname.slice(1))
  if (url.protocol !== scheme || releaseUrl({ id: url.host, name }).href !== url.href)
    throw new Error(`${url.protocol}//${url.host} is not asked: updates come through samebits alone`)
  return { id: url.host, name }
}

/** `httpExecutor` of electron-updater: no network, only files of the gate. */
export class FileExecutor {
  readonly #source: Source
  readonly #stopwatch: () => number

  constructor(source: Source, stopwatch: () => number) {
    this.#source = source
    this.#stopwatch = stopwatch
  }

  async download(url: URL, path: string, { cancellationToken, onProgress }: FetchOptions): Promise<string> {
    const wanted = parseReleaseUrl(url)
    const progress = onProgress === undefined ? undefined : this.#progress(onProgress)
    return await cancellationToken.createPromise<string>((resolve, reject, onCancel) => {
      const abort = new AbortController()
      onCancel(() => abort.abort())
      this.#source.place(wanted, path, { signal: abort.signal, onProgress: progress }).then(() => resolve(path), reject)
    })
  }

  /** Everything else that an executor is asked for goes to the network. */
  async request(): Promise<never> {
    throw new Error('electron-updater asks nobody: updates come through samebits alone')
  }

  downloadToBuffer(): Promise<never> {
    return this.request()
  }

  createRequest(): never {
    throw new Error('electron-updater asks nobody: updates come through samebits alone')
  }

  #progress(onProgress: (progress: FetchProgress) => void) {
    const began = this.#stopwatch()
    let before = 0
    return (transferred: number, total: number) => {
      const seconds = (this.#stopwatch() - began) / 1000
      const delta = Math.max(0, transferred - before)
      before = transferred
      onProgress({
        total,
        delta,
        transferred,
        percent: total === 0 ? 100 : (100 * transferred) / total,
        bytesPerSecond: seconds > 0 ? Math.round(transferred / seconds) : 0,
      })
    }
  }
}

/** What electron-updater is told of an update, in its own terms (UpdateInfo). */
export interface ReleaseInfo {
  readonly version: string
  readonly files: readonly ReleaseFileInfo[]
  readonly path: string
  /** Empty: the gate hashes with SHA-256, and electron-updater hashes nothing that the gate did not. */
  readonly sha512: string
  readonly releaseDate: string
  /** Null where nothing is newer. */
  readonly release: Accepted | null
}

interface ReleaseFileInfo {
  readonly url: string
  readonly size: number
  readonly sha512: string
  readonly isAdminRightsRequired: boolean
}

interface ResolvedFile {
  readonly url: URL
  readonly info: ReleaseFileInfo
  readonly packageInfo?: { readonly path: string; readonly size: number; readonly sha512: string }
}

export interface ReleaseProviderOptions {
  readonly source: Source
  readonly currentVersion: string
  readonly adminRights: boolean
}

/** `Provider` of electron-updater, as much of it as is used. */
export class ReleaseProvider {
  readonly #options: ReleaseProviderOptions
  readonly isUseMultipleRangeRequest = false
  readonly fileExtraDownloadHeaders = null

  constructor(options: ReleaseProviderOptions) {
    this.#options = options
  }

  /** Nothing is sent to anybody. */
  setRequestHeaders(): void {}

  async getLatestVersion(): Promise<ReleaseInfo> {
    const { source, currentVersion, adminRights } = this.#options
    const release = await source.newest()
    const [artifact] = release?.files ?? []
    const info = { sha512: '', releaseDate: '', release }
    if (release === null || artifact === undefined) return { ...info, version: currentVersion, files: [], path: '' }
    const { name, size } = artifact
    const file = { url: name, size, sha512: '', isAdminRightsRequired: adminRights }
    return { ...info, version: release.version, files: [file], path: name }
  }

  /** One file; a second one, which web installers for Windows run, where the statement names it as a part. */
  resolveFiles({ release, files: [info] }: ReleaseInfo): ResolvedFile[] {
    if (release === null || info === undefined) return []
    const [artifact, part] = release.files
    if (artifact === undefined) return []
    const file = { url: releaseUrl({ id: release.id, name: artifact.name }), info }
    if (part === undefined) return [file]
    const { href: path } = releaseUrl({ id: release.id, name: part.name })
    return [{ ...file, packageInfo: { path, size: part.size, sha512: '' } }]
  }

  getBlockMapFiles(): never {
    throw new Error('there are no block maps: updates come whole through samebits')
  }
}
