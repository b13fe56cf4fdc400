/** What publish and attest share: which commit they build, and with what. */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import { isUri } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Command } from 'commander'
import type { ContainerEngine } from '../engines/engine.ts'
import { findEngine } from '../engines/find-engine.ts'
import { buildOwn, type OwnBuild } from '../own-build.ts'
import type { Session } from '../session.ts'
import type { CommandIo } from './io.ts'

export interface BuildFlags {
  readonly commit: string
  readonly source?: string
  readonly engine?: string
  readonly imageArchive: readonly string[]
  readonly out: string
}

export function addBuildOptions(command: Command): Command {
  return command
    .option('--commit <revision>', 'which commit is built', 'HEAD')
    .option('--source <uri>', 'where others fetch it, as git+https://… (default: the remote "origin")')
    .option('--engine <name>', 'podman or docker; default: what is there')
    .option(
      '--image-archive <file>',
      'an archive that may hold the image; may be repeated',
      (value: string, before: readonly string[]) => [...before, value],
      [] as readonly string[],
    )
    .option('--out <folder>', 'where the artifacts go', 'dist')
}

/** Finds the engine, and builds or takes what was built. */
export async function buildFromFlags(
  io: CommandIo,
  session: Session,
  flags: BuildFlags,
): Promise<{ readonly own: OwnBuild; readonly engine: ContainerEngine }> {
  const { environment, cwd, signal } = io
  const { commit: revision, source = null, imageArchive } = flags
  if (source !== null && !isUri(source))
    throw new ProgramError({
      code: 'USAGE',
      detail: `"${source}" is no absolute URI`,
      remedy: 'Give --source as git+https://….',
    })
  const newName = () => `samebits-${randomUUID()}`
  const engine = await findEngine(flags.engine ?? null, { environment, newName }, signal)
  const images = imageArchive.map((file) => resolve(cwd, file))
  const out = resolve(cwd, flags.out)
  return { engine, own: await buildOwn(session, { revision, sourceUri: source, engine, images, environment, out }) }
}
