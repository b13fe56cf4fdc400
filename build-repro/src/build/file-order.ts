/** A view of a folder in which every listing comes in another order, by disorderfs on this machine. */
import { mkdir } from 'node:fs/promises'
import { ProgramError, visible } from '@samebits/host'
import { captureProcess } from '../engines/process.ts'

export interface ShuffledView {
  readonly folder: string
  release(): Promise<void>
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Mounts `folder` at `at`, through a filter that shuffles each listing. Programs that are linked statically see it too, and the
 * container needs no capability for it.
 */
export async function shuffledView(
  folder: string,
  at: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<ShuffledView> {
  await mkdir(at)
  const options = ['--multi-user=yes', '--shuffle-dirents=yes', '--pad-blocks=0']
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
