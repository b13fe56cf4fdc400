/** The files of an accepted release, into a folder where each lies under its digest. */
import type { SignedFile } from '@samebits/core'
import { download } from './download.ts'
import type { HttpClient } from './http-client.ts'
import { takeLocalFile } from './local-files.ts'
import { join as below } from './need-fetcher.ts'
import type { UpdaterOptions } from './options.ts'
import { artifactPath } from './paths.ts'

export interface FetchFiles {
  readonly id: string
  readonly files: readonly SignedFile[]
  readonly feeds: readonly string[]
  /** A folder in which the files may lie already. */
  readonly localFiles: string | null
  readonly directory: string
  readonly http: HttpClient
  readonly signal?: AbortSignal | undefined
  readonly onProgress?:
    | ((progress: { readonly name: string; readonly received: number; readonly total: number }) => void)
    | undefined
}

/** @throws IoFailure TRANSPORT, SIZE_EXCEEDED, DIGEST_MISMATCH, PATH_REFUSED; the system's errors; the signal's reason */
export async function fetchFiles(job: FetchFiles, options: UpdaterOptions): Promise<void> {
  for (const file of job.files) {
    artifactPath('', file.name)
    if (job.localFiles !== null && (await takeLocalFile(job.localFiles, file, job.directory))) continue
    const urls = job.feeds.map((feed) => below(feed, `${job.id}/${encodeURIComponent(file.name)}`))
    await download(
      { sha256: file.sha256, size: file.size, urls },
      {
        http: job.http,
        directory: job.directory,
        random: options.random,
        signal: job.signal,
        relieveMemory: options.relieveMemory,
        onProgress(progress) {
          options.onEvent?.({ kind: 'download', name: file.name, ...progress })
          job.onProgress?.({ name: file.name, ...progress })
        },
        ...(options.retry === undefined ? {} : { retry: options.retry }),
        ...(options.sleep === undefined ? {} : { sleep: options.sleep }),
      },
    )
  }
}
