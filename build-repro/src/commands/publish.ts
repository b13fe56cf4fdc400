import { resolve } from 'node:path'
import { isDigest } from '@samebits/core'
import { ProgramError } from '@samebits/host'
import { Command, Option } from 'commander'
import { measure } from '../artifacts.ts'
import { cosign } from '../cosign.ts'
import { checkChannel, checkVersion } from '../names.ts'
import { abandon, checkIsPublisher, type PublishResult, publish } from '../publish.ts'
import { artifactsOf, mediaTypeOf } from '../request.ts'
import type { Session } from '../session.ts'
import { addBuildOptions, type BuildFlags, buildFromFlags } from './build-options.ts'
import { answer, type CommandIo } from './io.ts'
import { addSignerOptions, type SignerFlags, signerOf } from './signer-options.ts'
import { addSessionOptions, type SessionFlags, withSession } from './with-session.ts'

interface Flags extends SessionFlags, BuildFlags, SignerFlags {
  readonly version?: string
  readonly channel?: string
  readonly platform: readonly string[]
  readonly mediaType: readonly string[]
  readonly part: readonly string[]
  readonly notes?: string
  readonly cosign?: string
  readonly abandon?: string
  readonly feedNow?: true
  readonly build?: true
}

/** @param exit takes the command's exit status */
export function publishCommand(io: CommandIo, exit: (status: number) => void): Command {
  const collect = (value: string, before: readonly string[]) => [...before, value]
  const command = new Command('publish')
    .description('sign a release of these files, log it, and write bundle, anchor and feed; run again to go on')
    .argument('[artifact...]', 'the files of the release')
    .option('--version <version>', 'Semantic Versioning 2.0.0, without "v"')
    .option('--channel <name>', "default: the recipe's")
    .option('--platform <name>', 'as linux-x64, or any (the default); once, or once for each file', collect, [])
    .option('--media-type <type>', 'default: by the name; once, or once for each file', collect, [])
    .option('--part <name=installer>', 'the installer runs this file; may be repeated', collect, [])
    .option('--notes <text>', 'for people')
    .addOption(
      new Option('--cosign <id>', "co-sign another publisher's open release").conflicts(['version', 'abandon']),
    )
    .addOption(
      new Option('--abandon <id>', 'give up a statement that was signed here and never logged').conflicts('version'),
    )
    .option('--feed-now', 'move the feed even where clients would not accept the release yet')
    .addOption(
      new Option(
        '--build',
        'build the files first, from a commit by its recipe, so that others can rebuild them',
      ).conflicts(['cosign', 'abandon', 'platform', 'mediaType']),
    )
  return addSessionOptions(addBuildOptions(addSignerOptions(command))).action(
    async (files: readonly string[], flags: Flags) => {
      exit(await withSession(io, flags, (session) => run(io, session, files, flags)))
    },
  )
}

async function run(io: CommandIo, session: Session, files: readonly string[], flags: Flags): Promise<number> {
  if (flags.abandon !== undefined) {
    await abandon(session, checkId(flags.abandon))
    answer(io, { kind: 'abandoned', id: flags.abandon }, [`${flags.abandon} is given up`])
    return 0
  }
  if (flags.build === true) return buildAndPublish(io, session, files, flags)
  if (files.length === 0)
    throw usage('no artifact is named', 'Name the files of the release, or let --build make them.')
  const { recipe } = session.workspace
  const signer = await signerOf(io, session, flags)
  const channel = checkChannel(flags.channel ?? recipe.publish.channel)
  const version = flags.version === undefined ? null : checkVersion(flags.version)
  const measured = await Promise.all(files.map((file) => measure(resolve(io.cwd, file), session.signal)))
  const feedNow = flags.feedNow === true
  if (flags.cosign !== undefined)
    return tell(io, await cosign(session, signer, { id: checkId(flags.cosign), files: measured, feedNow }))
  if (version === null) throw usage('--version is missing', 'Give the version of the release.')
  const { platform: platforms, mediaType: mediaTypes, part: parts, notes } = flags
  const artifacts = artifactsOf(measured, { platforms, mediaTypes, parts })
  const request = { channel, version, files: measured, artifacts, feedNow, ...(notes === undefined ? {} : { notes }) }
  return tell(io, await publish(session, signer, request))
}

async function buildAndPublish(
  io: CommandIo,
  session: Session,
  files: readonly string[],
  flags: Flags,
): Promise<number> {
  if (files.length > 0) throw usage('files are named beside --build', 'Let the recipe name the artifacts.')
  if (flags.version === undefined) throw usage('--version is missing', 'Give the version of the release.')
  const version = checkVersion(flags.version)
  const { recipe } = session.workspace
  const channel = checkChannel(flags.channel ?? recipe.publish.channel)
  const signer = await signerOf(io, session, flags)
  checkIsPublisher(session.trust, signer)
  const { own } = await buildFromFlags(io, session, flags)
  const { named, build, artifacts: built } = own
  const artifacts = artifactsOf(built, {
    platforms: build.outputs.map(({ artifact }) => artifact.platform ?? 'any'),
    mediaTypes: build.outputs.map(({ name, artifact }) => artifact.mediaType ?? mediaTypeOf(name)),
    parts: flags.part,
  })
  const request = { channel, version, files: built, artifacts, builds: [named], feedNow: flags.feedNow === true }
  return tell(
    io,
    await publish(session, signer, { ...request, ...(flags.notes === undefined ? {} : { notes: flags.notes }) }),
  )
}

/** Exit 20 while the release is open: nothing can be handed out yet. */
function tell(io: CommandIo, result: PublishResult): number {
  const { kind, id, version, channel, sequence, index, size, bundles, anchor, fed, waiting } = result
  const place = `${version} (${channel} ${sequence}) is entry ${index}, id ${id}`
  const lines =
    kind === 'open'
      ? [place, `open: ${waiting}. The others run: samebits-build publish --cosign ${id} <the same files>`]
      : [
          place,
          ...bundles.map((path) => `bundle  ${path} (checkpoint of size ${size})`),
          `anchor  ${anchor}`,
          fed ? `feed    shows ${version}` : `feed    not moved: ${waiting}. Run samebits-build staple later`,
        ]
  answer(io, result, lines)
  return kind === 'open' ? 20 : 0
}

function checkId(id: string): string {
  if (isDigest(id)) return id
  throw usage(`"${id}" is no id`, 'An id has 64 lower-case hex digits, as publish prints it.')
}

function usage(detail: string, remedy: string): ProgramError {
  return new ProgramError({ code: 'USAGE', detail, remedy })
}
