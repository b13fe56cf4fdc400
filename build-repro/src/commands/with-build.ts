/** What build and check share: their options, an opened source, an engine, and a working folder that goes away with them. */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ProgramError } from '@samebits/host'
import type { Command } from 'commander'
import { openCommit, openFolder } from '../build/open-build.ts'
import type { BuildRequest } from '../build/run-build.ts'
import { addEngineOptions, type EngineFlags, engineNamed, imagesOf } from './engine-options.ts'
import type { CommandIo } from './io.ts'

export interface BuildFlags extends EngineFlags {
  readonly commit?: string
  readonly folder?: true
  readonly scratch?: string
  readonly output?: string
  readonly verbose?: true
}

export function addBuildOptions(command: Command): Command {
  command
    .option('--commit <revision>', 'what to build (default: HEAD)')
    .option('--folder', 'build this folder as it lies there; a first look, never attested')
  const engines = 'podman, docker, or host for a first look without a container (default: the first that answers)'
  return addEngineOptions(command, engines)
    .option('--scratch <folder>', 'where trees are unpacked (default: the system’s temporary folder)')
    .option('--output <folder>', 'where logs and artifacts go (default: .samebits/builds/<time>)')
    .option('--verbose', 'show what the build says')
}

/** Runs `work` with a request and the folder for its results. */
export async function withBuild<T>(
  io: CommandIo,
  flags: BuildFlags,
  work: (request: BuildRequest, into: string) => Promise<T>,
): Promise<T> {
  const { environment, machine, signal, cwd } = io
  if (flags.folder === true && flags.commit !== undefined)
    throw new ProgramError({ code: 'USAGE', detail: 'both --folder and --commit', remedy: 'Say once what to build.' })
  const engine = await engineNamed(io, flags.engine)
  for (const line of engine.adaptations) machine.say(line)
  const into = resolve(cwd, flags.output ?? join('.samebits', 'builds', String(machine.now())))
  await mkdir(into, { recursive: true })
  const scratch = await mkdtemp(join(resolve(cwd, flags.scratch ?? environment['TMPDIR'] ?? '/tmp'), 'samebits-build-'))
  await chmod(scratch, 0o711) // file-order.ts
  try {
    const opened =
      flags.folder === true
        ? { ...(await openFolder(cwd)), dirty: false }
        : await openCommit({ folder: cwd, revision: flags.commit ?? 'HEAD', work: scratch, environment }, signal)
    if (opened.dirty && flags.commit === undefined)
      machine.say('what is not committed is not built: this is the commit, without it')
    const request: BuildRequest = {
      ...opened,
      engine,
      scratch,
      archives: imagesOf(io, flags),
      toolEnvironment: environment,
      now: () => machine.now(),
      ...(flags.verbose === true
        ? { onOutput: (chunk) => void io.stderr.write(Buffer.from(chunk).toString('utf8')) }
        : {}),
    }
    return await work(request, into)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
