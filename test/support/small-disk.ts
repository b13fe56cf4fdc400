/** A disk that is soon full. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly path: string
  grow(bytes: number): void
  remove(): void
}

/** A file system of its own, in memory; null where this user may not mount. */
export function smallDisk(bytes: number): SmallDisk | null {
  if (process.platform !== 'linux') return null
  const path = mkdtempSync(join(tmpdir(), 'samebits-disk-'))
  try {
    execFileSync('/usr/bin/mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path], { stdio: 'pipe' })
  } catch {
    rmSync(path, { recursive: true })
    return null
  }
  return {
    path,
    grow: (size) => void execFileSync('/usr/bin/mount', ['-o', `remount,size=${size}`, path]),
    remove() {
      execFileSync('/usr/bin/umount', [path])
      rmSync(path, { recursive: true })
    },
  }
}
