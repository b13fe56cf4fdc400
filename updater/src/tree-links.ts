/**
 * The symbolic links of an archive: which of them may be made, found out from the names alone before the first is made.
 *
 *     Frameworks/Notes.framework/Versions/Current -> A
 *     Frameworks/Notes.framework/Notes            -> Versions/Current/Notes
 *
 * A link ends, through links of the same archive and `..` as a kernel takes them, at a file or folder of the same archive; nowhere on
 * the way does it leave the tree. It does not end at a folder that holds it, which would make endless paths out of one link; rings over
 * several folders, as package managers make them, are let through. Names are compared byte by byte, so that a link leads to the same
 * place where the file system folds case, and where it does not.
 */
import { refusedMember, targetSegments } from './member-path.ts'

/** Links that one name may lead through: fewer than any kernel allows (32 on macOS, 40 on Linux). */
const maxHops = 16

/** What an archive has besides its links, by path relative to the tree. */
export interface PlainTree {
  readonly files: ReadonlySet<string>
  readonly folders: ReadonlySet<string>
}

interface End {
  readonly path: string
  readonly hops: number
}

/**
 * @param links targets by path; no member lies below such a path, and each lies in a folder of `tree`
 * @throws IoFailure PATH_REFUSED
 */
export function checkLinks(links: ReadonlyMap<string, string>, tree: PlainTree): void {
  const resolver = new LinkResolver(links, tree)
  for (const path of links.keys()) {
    const end = resolver.end(path, 1)
    if (end.path === '' || path.startsWith(`${end.path}/`))
      throw refusedMember(path, 'a link to a folder that holds it')
  }
}

class LinkResolver {
  readonly #links: ReadonlyMap<string, string>
  readonly #tree: PlainTree
  /** Known ends: a long chain is walked once, not once for each of its links. */
  readonly #ends = new Map<string, End>()

  constructor(links: ReadonlyMap<string, string>, tree: PlainTree) {
    this.#links = links
    this.#tree = tree
  }

  /** Where the link at `path` ends; `depth` links were entered on the way, this one included. */
  end(path: string, depth: number): End {
    const known = this.#ends.get(path)
    if (known !== undefined) return known
    if (depth > maxHops) throw refusedMember(path, `a link in a ring, or through more than ${maxHops} links`)
    let at: End = { path: parentOf(path), hops: 1 }
    for (const segment of targetSegments(path, this.#links.get(path) ?? '')) at = this.#step(path, at, segment, depth)
    if (at.hops > maxHops) throw refusedMember(path, `a link through more than ${maxHops} links`)
    this.#ends.set(path, at)
    return at
  }

  #step(link: string, { path, hops }: End, segment: string, depth: number): End {
    if (!this.#isFolder(path)) throw refusedMember(link, 'a link through a file')
    if (segment === '.') return { path, hops }
    if (segment === '..') {
      if (path === '') throw refusedMember(link, 'a link that leads out of the archive')
      return { path: parentOf(path), hops }
    }
    const next = path === '' ? segment : `${path}/${segment}`
    if (this.#links.has(next)) {
      const end = this.end(next, depth + 1)
      return { path: end.path, hops: hops + end.hops }
    }
    if (!this.#tree.files.has(next) && !this.#isFolder(next))
      throw refusedMember(link, 'a link to nothing in the archive')
    return { path: next, hops }
  }

  #isFolder(path: string): boolean {
    return path === '' || this.#tree.folders.has(path)
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
