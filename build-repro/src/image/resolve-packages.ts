/**
 * Which packages an image needs, by apt's own word: in a folder of its own, with nothing installed and no configuration of this
 * machine's, against indices whose signatures apt has checked (apt-secure(8)). The SHA-256 of each package comes from there.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes, ProgramError, visible } from '@samebits/host'
import { captureProcess } from '../engines/process.ts'
import type { ImageWish, LockedPackage } from './image-files.ts'

type Environment = Readonly<Record<string, string | undefined>>

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** @throws ProgramError PACKAGES_UNRESOLVED */
export async function resolvePackages(
  wish: ImageWish,
  environment: Environment,
  signal: AbortSignal,
): Promise<readonly LockedPackage[]> {
  const folder = await mkdtemp(join(tmpdir(), 'samebits-apt-'))
  try {
    await prepareFolder(folder, wish)
    const apt = async (...args: readonly string[]) => {
      const own = {
        PATH: environment['PATH'],
        http_proxy: environment['http_proxy'],
        https_proxy: environment['https_proxy'],
      }
      const request = {
        file: 'apt-get',
        args,
        environment: { ...own, LC_ALL: 'C.UTF-8', APT_CONFIG: join(folder, 'apt.conf') },
      }
      const answer = await captureProcess(request, signal)
      if (answer.status !== 0 || /^W: /m.test(answer.stderr)) throw unresolved(answer.stderr)
      return answer.stdout
    }
    await apt('update', '-qq', '--error-on=any')
    const wanted = ['?essential', 'apt', ...wish.packages]
    return parseUris(await apt('install', '--yes', '--print-uris', '-qq', ...wanted))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function prepareFolder(folder: string, wish: ImageWish): Promise<void> {
  for (const each of ['state/lists/partial', 'cache/archives/partial', 'etc/apt.conf.d', 'etc/preferences.d'])
    await mkdir(join(folder, each), { recursive: true })
  await writeFile(join(folder, 'status'), '')
  const signed = wish.sources.map((source) => source.replace(/^deb /, `deb [signed-by=${keyring}] `))
  await writeFile(join(folder, 'sources.list'), `${signed.join('\n')}\n`)
  const settings: readonly (readonly [string, string])[] = [
    ['Dir', folder],
    ['Dir::State', join(folder, 'state')],
    ['Dir::State::status', join(folder, 'status')],
    ['Dir::Cache', join(folder, 'cache')],
    ['Dir::Etc', join(folder, 'etc')],
    ['Dir::Etc::sourcelist', join(folder, 'sources.list')],
    ['Dir::Etc::sourceparts', '-'],
    ['Dir::Bin::methods', '/usr/lib/apt/methods'],
    ['APT::Architecture', wish.architecture],
    ['APT::Architectures', wish.architecture],
    ['APT::Install-Recommends', 'false'],
    ['APT::Sandbox::User', 'root'],
    ['Acquire::Languages', 'none'],
    ['Acquire::ForceHash', 'SHA256'],
    ['Acquire::AllowInsecureRepositories', 'false'],
    ['Acquire::Retries', '3'],
  ]
  await writeFile(join(folder, 'apt.conf'), settings.map(([name, value]) => `${name} "${value}";\n`).join(''))
}

/** Lines `'<url>' <file> <size> SHA256:<hex>`, as `apt-get --print-uris` writes them; sorted by file. */
export function parseUris(text: string): readonly LockedPackage[] {
  const packages = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^'(https?:\/\/[^']+)' (\S+\.deb) ([1-9][0-9]*) SHA256:([0-9a-f]{64})$/.exec(line)
      const [, url, file, size, sha256] = match ?? []
      if (url === undefined || file === undefined || sha256 === undefined) throw unresolved(`apt wrote "${line}"`)
      return { file, url, size: Number(size), sha256 }
    })
  return packages.sort((a, b) => (a.file < b.file ? -1 : 1))
}

function unresolved(words: string): ProgramError {
  return new ProgramError({
    code: 'PACKAGES_UNRESOLVED',
    detail: `apt cannot say which packages the image needs: ${visible(words.trim().split('\n').slice(-3).join(' / '))}`,
    remedy: 'Check the names and sources of the wish, and that apt and the Debian archive keyring are installed.',
    exitCode: exitCodes.io,
  })
}
