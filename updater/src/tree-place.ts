/**
 * Where unpacked versions lie, and which of them runs.
 *
 *     <folder>/versions/<first 16 digits of the release id>-<n>/…   one version, whole
 *     <folder>/current -> versions/<…>                              the one that runs
 *
 * The link is exchanged by one rename, so that there is never a moment without a whole version. Windows cannot rename over a
 * junction: there the old one goes first, and the journal ends what a crash interrupts.
 */
import { lstat, readdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode, syncDirectory } from '@samebits/host'
import { IoFailure } from './failure.ts'
import { openFolder } from './paths.ts'
import { treeDigest } from './tree-digest.ts'

/** An unpacked version: its folder in `versions/`, and the digest of what was unpacked. */
export interface TreeRef {
  readonly folder: string
  readonly sha256: string
}

/** The link to the version that runs. */
export const currentName = 'current'
const versionsName = 'versions'
const digest = /^[0-9a-f]{64}$/
const folderName = /^[0-9a-f]{16}-[1-9][0-9]{0,5}$/

export function isTreeRef(value: unknown): value is TreeRef {
  if (typeof value !== 'object' || value === null || !('folder' in value) || !('sha256' in value)) return false
  const { folder, sha256 } = value
  return typeof folder === 'string' && folderName.test(folder) && typeof sha256 === 'string' && digest.test(sha256)
}

export class TreePlace {
  readonly #folder: string
  readonly #workspace: string
  readonly #platform: NodeJS.Platform

  constructor(folder: string, workspace: string, platform: NodeJS.Platform) {
    this.#folder = folder
    this.#workspace = workspace
    this.#platform = platform
  }

  /** Where an archive is unpacked before it is anybody's version. */
  get unpacking(): string {
    return join(this.#workspace, 'unpacking')
  }

  get currentPath(): string {
    return join(this.#folder, currentName)
  }

  /** The folder that `current` leads to; null where there is no such link of ours. */
  async current(): Promise<string | null> {
    const target = await readlink(this.currentPath).catch((error: unknown) => {
      if (isCode(error, 'ENOENT', 'EINVAL', 'UNKNOWN')) return null
      throw error
    })
    const parts = target?.replaceAll('\\', '/').replace(/\/$/, '').split('/') ?? []
    const [parent, folder = ''] = parts.slice(-2)
    const ours = parts.length === 2 || target === this.#target(folder)
    return ours && parent === versionsName && folderName.test(folder) ? folder : null
  }

  /** @throws IoFailure PATH_REFUSED where something else bears the names that unpacked versions need */
  async assertFree(files: readonly { readonly name: string }[]): Promise<void> {
    for (const { name } of files)
      if ([currentName, versionsName].includes(name.toLowerCase()))
        throw new IoFailure('PATH_REFUSED', `${name} is a name that unpacked versions need`)
    await openFolder(join(this.#folder, versionsName), { uid: undefined })
    const there = await lstat(this.currentPath).catch(() => undefined)
    if (there !== undefined && (await this.current()) === null)
      throw new IoFailure('PATH_REFUSED', `${this.currentPath} is there, and no updater made it`)
  }

  /** A name in `versions/` that nothing bears. */
  async freeName(id: string): Promise<string> {
    const names = new Set(await readdir(join(this.#folder, versionsName)))
    for (let n = 1; ; n++) {
      const name = `${id.slice(0, 16)}-${n}`
      if (!names.has(name)) return name
    }
  }

  /** Moves what was unpacked into `versions/`. */
  async admit({ folder }: TreeRef): Promise<void> {
    await rename(this.unpacking, this.#path(folder))
    await syncDirectory(join(this.#folder, versionsName))
  }

  /** Makes `current` lead to a version, or be gone. Safe to repeat. */
  async switchTo(tree: TreeRef | null): Promise<void> {
    if ((await this.current()) === (tree?.folder ?? null)) return
    const next = join(this.#workspace, 'switching')
    await rm(next, { force: true })
    if (tree !== null) await symlink(this.#target(tree.folder), next, 'junction')
    if (tree === null || this.#platform === 'win32') await rm(this.currentPath, { force: true })
    if (tree !== null) await rename(next, this.currentPath)
    await syncDirectory(this.#folder)
  }

  /** Whether a version still is what was unpacked. */
  async isIntact({ folder, sha256 }: TreeRef): Promise<boolean> {
    return (await this.digest(folder)) === sha256
  }

  async digest(folder: string): Promise<string | null> {
    return await treeDigest(this.#path(folder), this.#platform)
  }

  /** Removes a version, unless it is the one that runs. */
  async discard(folder: string): Promise<void> {
    if ((await this.current()) !== folder) await rm(this.#path(folder), { recursive: true, force: true })
  }

  /** Removes every version but these. */
  async keepOnly(trees: readonly (TreeRef | null)[]): Promise<void> {
    const kept = new Set(trees.map((tree) => tree?.folder))
    const names = await readdir(join(this.#folder, versionsName)).catch((error: unknown) => {
      if (isCode(error, 'ENOENT', 'ENOTDIR')) return []
      throw error
    })
    for (const name of names) if (folderName.test(name) && !kept.has(name)) await this.discard(name)
  }

  async tidy(): Promise<void> {
    await rm(this.unpacking, { recursive: true, force: true })
    await rm(join(this.#workspace, 'switching'), { force: true })
  }

  #path(folder: string): string {
    return join(this.#folder, versionsName, folder)
  }

  /** Relative, so that the install folder can be moved; junctions must be absolute. */
  #target(folder: string): string {
    return this.#platform === 'win32' ? this.#path(folder) : `${versionsName}/${folder}`
  }
}
