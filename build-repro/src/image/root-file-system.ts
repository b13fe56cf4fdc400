/**
 * From a pool to a root file system, by mmdebstrap, without any network: the same tar whoever makes it and wherever. mmdebstrap itself
 * is reproducible (mmdebstrap(1), SOURCE_DATE_EPOCH); the hook takes out what it copies from this machine.
 */
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes, ProgramError, systemReason, visible } from '@samebits/host'
import { captureProcess, runProcess } from '../engines/process.ts'
import type { ImageWish, LockedPackage } from './image-files.ts'

export interface RootRequest {
  readonly wish: ImageWish
  readonly packages: readonly LockedPackage[]
  /** Holds every package, its digest checked. */
  readonly pool: string
  /** The tar to write. */
  readonly target: string
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly onOutput: (chunk: Uint8Array) => void
}

/** @throws ProgramError ROOT_FAILED */
export async function makeRootFileSystem(request: RootRequest, signal: AbortSignal): Promise<void> {
  const { wish, packages, pool, target, environment, onOutput } = request
  const folder = await mkdtemp(join(tmpdir(), 'samebits-root-'))
  try {
    const own = { PATH: `${environment['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8', TZ: 'UTC' }
    await writeRepository(folder, packages, pool, own, signal)
    const hook = join(folder, 'hook')
    await writeFile(hook, hookScript(wish))
    await chmod(hook, 0o755)
    const names = [...new Set(packages.map(({ file }) => file.split('_')[0] ?? ''))]
    const words: Uint8Array[] = []
    const end = await runProcess(
      {
        file: 'mmdebstrap',
        args: [
          '--variant=apt',
          `--mode=${process.getuid?.() === 0 ? 'root' : 'unshare'}`,
          `--architectures=${wish.architecture}`,
          `--include=${names.join(',')}`,
          '--aptopt=APT::Sandbox::User "root"',
          `--customize-hook=${hook}`,
          '--format=tar',
          wish.suite,
          target,
          `deb [trusted=yes] copy:${folder} ./`,
        ],
        environment: { ...own, SOURCE_DATE_EPOCH: String(wish.epoch), TMPDIR: folder },
        onStdout: onOutput,
        onStderr: (chunk) => {
          words.push(chunk)
          onOutput(chunk)
        },
      },
      signal,
    ).catch((error: Error) => {
      signal.throwIfAborted()
      throw failed(systemReason(error))
    })
    if (end.status !== 0) throw failed(lastWords(Buffer.concat(words).toString('utf8')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A flat repository of exactly these packages; apt holds each against the SHA-256 that stands in its index. */
async function writeRepository(
  folder: string,
  packages: readonly LockedPackage[],
  pool: string,
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<void> {
  await chmod(folder, 0o755)
  await mkdir(join(folder, 'debs'))
  const paragraphs: string[] = []
  for (const { file, size, sha256 } of packages) {
    const path = join(folder, 'debs', file)
    await copyFile(join(pool, file), path)
    const answer = await captureProcess({ file: 'dpkg-deb', args: ['--field', path], environment }, signal)
    if (answer.status !== 0) throw failed(`${file}: ${answer.stderr.trim()}`)
    // In a file name apt writes % for itself once more than in an index.
    paragraphs.push(`${answer.stdout.trim()}\nFilename: ./debs/${file}\nSize: ${size}\nSHA256: ${sha256}\n`)
  }
  await writeFile(join(folder, 'Packages'), paragraphs.join('\n'))
}

/** Runs outside of the root, which is its first argument. */
function hookScript({ epoch, sources, locales }: ImageWish): string {
  const [list, wanted] = [sources.map((each) => `${each}\n`).join(''), locales.map((each) => each.split('.')[0] ?? '')]
  return `#!/bin/sh
set -eu
root=$1
echo samebits > "$root/etc/hostname"
printf '127.0.0.1 localhost\\n' > "$root/etc/hosts"
: > "$root/etc/resolv.conf"
cat > "$root/etc/apt/sources.list" <<'END'
${list}END
${wanted.map((name) => `chroot "$root" localedef --no-archive -i ${name} -f UTF-8 ${name}.UTF-8`).join('\n')}
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/var/cache/ldconfig/aux-cache
rm -rf "$root"/var/log/*.log "$root"/var/log/apt "$root"/tmp/* "$root"/run/* "$root"/etc/machine-id
find "$root" -xdev \\( -path "$root/proc" -o -path "$root/sys" -o -path "$root/dev" \\) -prune -o \\
  -type d -exec touch --date=@${epoch} {} +
`
}

/** The first error and the line before it. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n')
  const at = lines.findIndex((line) => line.startsWith('E: '))
  return at === -1 ? (lines.at(-1) ?? '') : lines.slice(Math.max(0, at - 1), at + 1).join(' / ')
}

function failed(words: string): ProgramError {
  return new ProgramError({
    code: 'ROOT_FAILED',
    detail: `mmdebstrap cannot make the root file system: ${visible(words)}`,
    remedy: 'Install mmdebstrap and dpkg, and run as root or where user namespaces are allowed.',
    exitCode: exitCodes.io,
  })
}
