/** The source of a build: what git says a commit is, or for a first look a folder as it lies there. */

/** A commit's tree, as `git archive --format=tar <commit>` (docs/formats.md §1, `source.sha256`). */
export interface CommitSource {
  readonly kind: 'commit'
  /** The tar on disk. */
  readonly archive: string
  readonly sha256: string
  /** 40 or 64 hex digits. */
  readonly commit: string
  /** The committer's time, Unix seconds. */
  readonly time: number
}

/** A folder as it is, whoever changed it: never attested. */
export interface FolderSource {
  readonly kind: 'folder'
  readonly folder: string
}

export type Source = CommitSource | FolderSource
