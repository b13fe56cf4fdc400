/** INSTALL_FAILED where the disk is full or may not be written to: real mounts, so root on Linux; skipped elsewhere, and said. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ends, type Group, type Row } from '../case.ts'

const mount = (...args: readonly string[]) => void execFileSync('/usr/bin/mount', args, { stdio: 'pipe' })
const unmount = (path: string) => void execFileSync('/usr/bin/umount', [path], { stdio: 'pipe' })

/** A small disk with what lay there, and no room left. */
function full(path: string): () => void {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  const files = readdirSync(path).map((name) => [name, readFileSync(join(path, name))] as const)
  mount('-t', 'tmpfs', '-o', 'size=128k,mode=700', 'tmpfs', path)
  for (const [name, bytes] of files) writeFileSync(join(path, name), bytes)
  try {
    writeFileSync(join(path, 'filler'), Buffer.alloc(1 << 20))
  } catch {
    // as far as it went
  }
  return () => unmount(path)
}

function readOnly(path: string): () => void {
  mount('--bind', path, path)
  mount('-o', 'remount,bind,ro', path)
  return () => unmount(path)
}

function mayMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const path = mkdtempSync(join(tmpdir(), 'samebits-mount-'))
  try {
    full(path)()
    return true
  } catch {
    return false
  } finally {
    rmSync(path, { recursive: true })
  }
}

/** Nothing was decided: the same run succeeds once there is room. */
function row(title: string, during: (home: string) => () => void): Row {
  return ends('INSTALL_FAILED', title, (stage) => stage.usual().then(), {
    exit: 20,
    during: (_stage, home) => during(home),
  })
}

function rows(): readonly Row[] {
  if (!mayMount()) {
    process.stdout.write('skipped: full and read-only disks (mounting takes root on Linux)\n')
    return []
  }
  return [
    row('no room for the download', (home) => full(join(home, 'app', '.samebits', 'staged'))),
    row('no room for the state', (home) => full(join(home, 'app', '.samebits', 'state'))),
    row('an install folder that may not be written to', (home) => readOnly(join(home, 'app'))),
  ]
}

export const disks: readonly Group[] = [{ code: 'INSTALL_FAILED', rows: rows() }]
