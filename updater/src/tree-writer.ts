/**
 * Writes the members of an archive below a private folder, each checked before anything of it is written.
 *
 * Links are made last, once everything else is there and all of them were checked together: nothing is ever written through one.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, open, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '@samebits/host'
import type { Member, UnpackLimits } from './archive.ts'
import { IoFailure } from './failure.ts'
import { foldedPath, memberSegments, refusedMember } from './member-path.ts'
import { digestOfLines, directoryLine, fileLine, keepsModes, linkLine, type TreeFile } from './tree-digest.ts'
import { checkLinks } from './tree-links.ts'

export interface TreeWriterOptions {
  /** An empty folder that nobody else can reach. */
  readonly root: string
  readonly platform: NodeJS.Platform
  readonly limits: Pick<UnpackLimits, 'members' | 'bytes'>
  readonly signal?: AbortSignal | undefined
}

/** A link's target, in bytes: as long as a path may be. */
const maxTargetBytes = 1024

/** Files synced at a time, once all are written: one after the other would take a disk's turn for each. */
const syncsAtOnce = 16

export class TreeWriter {
  readonly #options: TreeWriterOptions
  /** The exact path of each folded one, so that no two members are the same file somewhere. */
  readonly #paths = new Map<string, string>()
  readonly #folders = new Set<string>()
  readonly #files = new Set<string>()
  /** Targets by path. */
  readonly #links = new Map<string, string>()
  readonly #lines: string[] = []
  #bytes = 0

  constructor(options: TreeWriterOptions) {
    this.#options = options
  }

  /** @throws IoFailure PATH_REFUSED, SIZE_EXCEEDED, INSTALL_FAILED; the system's errors; the signal's reason */
  async write(member: Member): Promise<void> {
    const segments = memberSegments(member.name)
    if (member.kind === 'other') throw refusedMember(member.name, 'neither a file nor a folder')
    for (let depth = 1; depth < segments.length; depth++) await this.#folder(member, segments.slice(0, depth))
    if (member.kind === 'directory') {
      if (segments.length > 0) await this.#folder(member, segments)
      return
    }
    if (segments.length === 0) throw refusedMember(member.name, 'a file in place of the whole folder')
    this.#claim(member, segments)
    if (member.kind === 'link') await this.#link(member, segments.join('/'))
    else await this.#file(member, segments.join('/'))
  }

  /** Everything is on the disk when this returns. @returns the digest of the tree */
  async end(): Promise<string> {
    const { root, signal } = this.#options
    checkLinks(this.#links, { files: this.#files, folders: this.#folders })
    const left = [...this.#files]
    const worker = async () => {
      for (let path = left.pop(); path !== undefined; path = left.pop()) {
        signal?.throwIfAborted()
        const handle = await open(join(root, path), 'r')
        await handle.sync().finally(() => handle.close())
      }
    }
    await Promise.all(Array.from({ length: syncsAtOnce }, worker))
    for (const [path, target] of this.#links) {
      signal?.throwIfAborted()
      await symlink(target, join(root, path))
      this.#lines.push(linkLine(path, target))
    }
    for (const path of this.#folders) await syncDirectory(join(root, path))
    await syncDirectory(root)
    return digestOfLines(this.#lines)
  }

  async #folder(member: Member, segments: readonly string[]): Promise<void> {
    const path = segments.join('/')
    if (this.#folders.has(path)) return
    this.#claim(member, segments)
    await mkdir(join(this.#options.root, path), { mode: 0o755 })
    await chmod(join(this.#options.root, path), 0o755)
    this.#folders.add(path)
    this.#lines.push(directoryLine(path))
  }

  /** Takes a path for good. */
  #claim(member: Member, segments: readonly string[]): void {
    const folded = foldedPath(segments)
    const other = this.#paths.get(folded)
    if (other !== undefined) throw refusedMember(member.name, `it would be the same file as ${JSON.stringify(other)}`)
    const { members } = this.#options.limits
    if (this.#paths.size >= members)
      throw new IoFailure('SIZE_EXCEEDED', `the archive has more than the ${members} members that are allowed`)
    this.#paths.set(folded, segments.join('/'))
  }

  async #file(member: Member, path: string): Promise<void> {
    const full = join(this.#options.root, path)
    const handle = await open(full, 'wx', 0o600)
    try {
      const seen = await this.#copy(member, (piece) => handle.writeFile(piece))
      const executable = keepsModes(this.#options.platform) && member.executable
      await handle.chmod(executable ? 0o755 : 0o644)
      this.#files.add(path)
      this.#lines.push(fileLine(path, { ...seen, executable }))
    } finally {
      await handle.close()
    }
  }

  /** Remembers a link; `end` makes it. */
  async #link(member: Member, path: string): Promise<void> {
    // Windows wants a privilege for links, and has two kinds of them: an archive for it is made without.
    if (this.#options.platform === 'win32') throw refusedMember(member.name, 'a link, which Windows does not keep')
    if (member.size > maxTargetBytes) throw refusedMember(member.name, `a link of more than ${maxTargetBytes} bytes`)
    const pieces: Uint8Array[] = []
    await this.#copy(member, async (piece) => pieces.push(piece))
    this.#links.set(path, textOf(member, pieces))
  }

  async #copy(member: Member, write: (piece: Uint8Array) => Promise<unknown>): Promise<Omit<TreeFile, 'executable'>> {
    const { limits, signal } = this.#options
    const tooMuch = () => new IoFailure('SIZE_EXCEEDED', `the archive unpacks to more than ${limits.bytes} bytes`)
    if (this.#bytes + member.size > limits.bytes) throw tooMuch()
    const hash = createHash('sha256')
    let size = 0
    for await (const piece of await member.open()) {
      signal?.throwIfAborted()
      size += piece.length
      this.#bytes += piece.length
      if (this.#bytes > limits.bytes) throw tooMuch()
      hash.update(piece)
      if (size > member.size) break
      await write(piece)
    }
    if (size !== member.size)
      throw new IoFailure(
        'INSTALL_FAILED',
        `the archive's ${JSON.stringify(member.name)} has ${size} bytes or more, not ${member.size}`,
      )
    return { size, sha256: hash.digest('hex') }
  }
}

function textOf({ name }: Member, pieces: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(pieces))
  } catch {
    throw refusedMember(name, 'a link whose target is not UTF-8')
  }
}
