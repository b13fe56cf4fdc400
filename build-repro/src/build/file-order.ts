/** A view of a folder in which every listing comes in a chosen order, by disorderfs on this machine. */
import { existsSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ProgramError, visible } from '@samebits/host'
import { captureProcess } from '../engines/process.ts'

export interface OrderedView {
  readonly folder: string
  release(): Promise<void>
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Why this machine cannot, or null: disorderfs must be installed, FUSE be there, and this be root, so that other users see the mount.
 * It works on files as the user who asks, who must therefore be able to pass through every folder above `scratch`.
 */
export async function whyNotOrdered(
  scratch: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<string | null> {
  if (process.getuid?.() !== 0) return 'needs root'
  if (!existsSync('/dev/fuse')) return 'needs /dev/fuse'
  for (let folder = scratch; folder !== dirname(folder); folder = dirname(folder))
    if (((await stat(folder)).mode & 0o001) === 0) return `${folder} is closed to other users`
  return captureProcess({ file: 'disorderfs', args: ['--version'], environment }, signal).then(
    ({ status }) => (status === 0 ? null : 'disorderfs does not run'),
    () => 'needs disorderfs',
  )
}

/**
 * Mounts `folder` at `at`, through a filter that sorts each listing, forwards or backwards. Programs that are linked statically see
 * it too, and the container needs no capability for it.
 */
export async function orderedView(
  folder: string,
  at: string,
  order: 'sorted' | 'reversed',
  environment: Environment,
  signal: AbortSignal,
): Promise<OrderedView> {
  await mkdir(at)
  const backwards = order === 'reversed' ? 'yes' : 'no'
  const options = ['--multi-user=yes', '--sort-dirents=yes', `--reverse-dirents=${backwards}`, '--pad-blocks=0']
  const answer = await captureProcess({ file: 'disorderfs', args: [...options, folder, at], environment }, signal)
  if (answer.status !== 0)
    throw new ProgramError({
      code: 'ORDER_UNVARIED',
      detail: `disorderfs cannot mount: ${visible(answer.stderr.trim())}`,
      remedy: 'Load the fuse module, or leave file order out with --without order.',
    })
  return { folder: at, release: () => unmount(at, environment) }
}

/** Lazily only where something still holds it: nothing of the build lives any more. */
async function unmount(at: string, environment: Environment): Promise<void> {
  const never = new AbortController().signal
  for (const args of [[at], ['--lazy', at]]) {
    const { status } = await captureProcess({ file: 'umount', args, environment }, never)
    if (status === 0) return
  }
  throw new ProgramError({
    code: 'ORDER_UNVARIED',
    detail: `${at} cannot be unmounted`,
    remedy: `Run umount ${at} when nothing uses it.`,
  })
}
