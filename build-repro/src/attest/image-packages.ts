/**
 * The records of an image's package managers, copied out by a container of that image and read here. Nothing that the build
 * ran has touched them: every container starts from the image again.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isCode } from '@samebits/host'
import type { ContainerEngine } from '../engines/engine.ts'
import type { Dependency } from './dependency.ts'
import { readApk, readDpkg } from './package-databases.ts'

export interface ImageRecords {
  readonly engine: ContainerEngine
  /** `sha256:` and 64 hex digits. */
  readonly image: string
  /** A folder of ours with some room. */
  readonly scratch: string
  /** SHA-256 of the .deb by `<name>_<version>_<arch>`, where the image was made from a pinned pool. */
  readonly debs?: ReadonlyMap<string, string> | undefined
}

const inside = '/samebits-records'
/** `cp` may be missing, and each of the files: then there is less to say. */
const script = [
  `for file in /etc/os-release /var/lib/dpkg/status /lib/apk/db/installed; do [ ! -f "$file" ] || cp -L "$file" ${inside}/ || true; done`,
  `set -- /var/lib/dpkg/info/*.md5sums; [ ! -f "$1" ] || cp "$@" ${inside}/ || true`,
].join('\n')

/** What the image has installed; empty for one without a package manager that is known here. */
export async function imagePackages(records: ImageRecords, signal: AbortSignal): Promise<readonly Dependency[]> {
  const { engine, image, scratch, debs } = records
  const folder = await mkdtemp(join(scratch, 'records-'))
  try {
    const user = { name: 'root', uid: 0, gid: 0 }
    await engine.giveFolder(folder, user, image, signal)
    await engine.run(
      {
        image,
        command: ['/bin/sh', '-c', script],
        network: 'none',
        mounts: [{ source: folder, target: inside, writable: true }],
        workingFolder: '/',
        user,
        hostname: 'samebits',
        environment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
        umask: 0o022,
        cpus: null,
        limits: { timeoutMs: 60_000, memoryBytes: 2 ** 30, processes: 256 },
        onOutput: () => undefined,
      },
      signal,
    )
    await engine.takeFolder(folder, image, signal)
    return await readRecords(folder, debs)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readRecords(folder: string, debs: ImageRecords['debs']): Promise<readonly Dependency[]> {
  const [release, status, installed] = await Promise.all(
    ['os-release', 'status', 'installed'].map((name) => textOf(join(folder, name))),
  )
  const id = /^ID="?([a-z0-9._-]+)"?$/m.exec(release ?? '')?.[1] ?? 'linux'
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md5sums'))
  const md5sums = new Map(
    await Promise.all(
      names.map(async (name) => [name.slice(0, -'.md5sums'.length), await readFile(join(folder, name))] as const),
    ),
  )
  return [
    ...readDpkg({ id, status: status ?? '', md5sums, ...(debs === undefined ? {} : { debs }) }),
    ...readApk(id, installed ?? ''),
  ]
}

async function textOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) return null
    throw error
  })
}
