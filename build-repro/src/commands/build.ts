import { Command } from 'commander'
import { plainConditions } from '../build/conditions.ts'
import { runBuild } from '../build/run-build.ts'
import { answer, type CommandIo } from './io.ts'
import { addBuildOptions, type BuildFlags, withBuild } from './with-build.ts'

export function buildCommand(io: CommandIo): Command {
  const command = new Command('build').description(
    "build a commit as its recipe says, in its recipe's image, without network",
  )
  return addBuildOptions(command).action((flags: BuildFlags) =>
    withBuild(io, flags, (request, into) => run(io, request, into)),
  )
}

async function run(io: CommandIo, request: Parameters<typeof runBuild>[0], into: string): Promise<void> {
  const { outputs, log, objections, image, epoch } = await runBuild(request, plainConditions, into, io.signal)
  const artifacts = outputs.map(({ name, path, size, sha256 }) => ({ name, path, size, sha256 }))
  answer(io, { artifacts, log, objections, image: image.digest, epoch }, [
    ...artifacts.map(({ sha256, path }) => `${sha256}  ${path}`),
    `log  ${log.path} (SHA-256 ${log.sha256})`,
    ...objections.map(({ code, detail, remedy }) => `cannot be attested: ${detail} (${code}). ${remedy}`),
  ])
}
