/** What publish and attest share: which commit they build, and with what. */
import { resolve } from 'node:path'
import { isUri } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Command } from 'commander'
import type { ContainerEngine } from '../engines/engine.ts'
import { buildOwn, type OwnBuild } from '../own-build.ts'
import type { Session } from '../session.ts'
import { addEngineOptions, type EngineFlags, engineNamed, imagesOf } from './engine-options.ts'
import type { CommandIo } from './io.ts'

export interface BuildFlags extends EngineFlags {
  readonly commit: string
  readonly source?: string
  readonly out: string
}

export function addBuildOptions(command: Command): Command {
  command
    .option('--commit <revision>', 'which commit is built', 'HEAD')
    .option('--source <uri>', 'where others fetch it, as git+https://… (default: the remote "origin")')
  return addEngineOptions(command, 'podman or docker (default: the first that answers)').option(
    '--out <folder>',
    'where the artifacts go',
    'dist',
  )
}

/** Finds the engine, and builds or takes what was built. */
export async function buildFromFlags(
  io: CommandIo,
  session: Session,
  flags: BuildFlags,
): Promise<{ readonly own: OwnBuild; readonly engine: ContainerEngine }> {
  const { environment, cwd } = io
  const { commit: revision, source = null } = flags
  if (source !== null && !isUri(source))
    throw new ProgramError({
      code: 'USAGE',
      detail: `"${source}" is no absolute URI`,
      remedy: 'Give --source as git+https://….',
    })
  const engine = await engineNamed(io, flags.engine)
  const images = imagesOf(io, flags)
  const out = resolve(cwd, flags.out)
  return { engine, own: await buildOwn(session, { revision, sourceUri: source, engine, images, environment, out }) }
}
