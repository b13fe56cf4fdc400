/**
 * The smallest image that can run a build: this machine's own shell and coreutils with the libraries that they need, and what it
 * takes to run them. Made in a second, for tests alone: nothing pins it.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, realpathSync, symlinkSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { type WrittenImage, writeImageArchive } from './image/archive.ts'

const programs =
  'sh cat cp date dirname env find head hostname id ln ls mkdir mv nproc od printf pwd rm sed sleep sort stat tail tar touch tr uname whoami'
const loaders = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1']

/**
 * @param more programs besides the shell's, by name or path
 * @returns null where this machine cannot make one (no ldd, no tar)
 */
export async function smallImage(
  folder: string,
  more: readonly string[] = [],
): Promise<(WrittenImage & { archive: string }) | null> {
  if (process.platform !== 'linux') return null
  const root = join(folder, 'root')
  for (const each of ['bin', 'usr', 'etc', 'tmp', 'proc', 'sys', 'dev', 'var/tmp'])
    mkdirSync(join(root, each), { recursive: true })
  for (const each of ['tmp', 'var/tmp']) chmodSync(join(root, each), 0o1777)
  symlinkSync('../bin', join(root, 'usr/bin'))
  const files = new Set<string>()
  for (const program of [...programs.split(' '), ...more]) {
    const path = ['', '/bin', '/usr/bin'].map((each) => join(each, program)).find((each) => existsSync(each))
    if (path === undefined) return null
    copyTo(path, join(root, 'bin', basename(program)))
    for (const line of execFileSync('/usr/bin/ldd', [path], { encoding: 'utf8' }).split('\n')) {
      const library = /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1]
      if (library !== undefined) files.add(library)
    }
  }
  for (const library of [...files, ...loaders.filter((each) => existsSync(each))]) copyTo(library, join(root, library))
  const tar = join(folder, 'root.tar')
  const plain = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=ustar']
  execFileSync('tar', [...plain, '-C', root, '-cf', tar, '.'])
  const archive = join(folder, 'image.tar')
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  // An ID of its own for each caller: the engine is shared, and each removes what it loaded.
  const comment = `a shell and coreutils, for ${folder}`
  const about = { architecture, epoch: 0, environment: ['PATH=/bin', 'IMAGE=yes'], comment }
  const written = await writeImageArchive(tar, about, archive, new AbortController().signal)
  return { ...written, archive }
}

function copyTo(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(realpathSync(from), to)
}
