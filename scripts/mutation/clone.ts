/**
 * A throwaway copy of what git knows of the working tree, in which a mutation tester may write. A copy made by the tester
 * itself would link its packages to the sources here, which are not mutated.
 */
import { execFileSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface Clone extends AsyncDisposable {
  readonly path: string
}

const copied = ['core', 'test', 'scripts', 'package.json', 'tsconfig.base.json']

export async function cloneTree(root: string): Promise<Clone> {
  const path = await mkdtemp(join(tmpdir(), 'samebits-mutation-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', ...copied], {
    cwd: root,
    encoding: 'utf8',
  })
  for (const file of listed.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(path, file)), { recursive: true })
    await cp(join(root, file), join(path, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  }
  await linkModules(root, path)
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Links to what is installed, but for the workspace's own packages: those lead into the clone. */
async function linkModules(root: string, path: string): Promise<void> {
  const modules = join(path, 'node_modules')
  await mkdir(modules)
  for (const name of await readdir(join(root, 'node_modules')))
    if (name !== '@samebits' && !name.startsWith('.'))
      await symlink(join(root, 'node_modules', name), join(modules, name))
  await symlink(join(root, 'node_modules', '.bin'), join(modules, '.bin'))
  await mkdir(join(modules, '@samebits'))
  await symlink(join(path, 'core'), join(modules, '@samebits', 'core'))
  const own = join(root, 'core', 'node_modules')
  if (await stat(own).catch(() => null)) await symlink(own, join(path, 'core', 'node_modules'))
}
